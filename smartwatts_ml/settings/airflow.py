"""Settings of the DAGs: when a retraining starts, who is asked and told, where its tasks run."""

from __future__ import annotations

from pydantic import Field

from smartwatts_ml.settings.base import TomlSettings

__all__ = ["ALL_MODELS", "AirflowSettings", "names_in"]

ALL_MODELS = "all"
"""In ``approval``, for every model there is."""


class AirflowSettings(TomlSettings):
    """What the DAGs read; part of ``Settings``."""

    new_growth: float = Field(
        0.1,
        gt=0,
        description="Readings since the last decision that start retrain_on_new_readings, as a "
        "share of those that it had.",
    )
    new_per_site: int = Field(
        672,
        gt=0,
        description="Readings that have to be new for each site that it had, at least: 672 are "
        "four weeks of hours.",
    )
    new_readings: int = Field(
        0,
        ge=0,
        description="So many new readings instead, whatever the fleet; 0: by share and site.",
    )
    new_days: float = Field(
        0.0,
        ge=0,
        description="Days of readings beyond the last decision's that have to be there as well.",
    )
    new_site_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of sites that have to have brought new readings as well.",
    )
    poke_seconds: float = Field(
        60.0, gt=0, description="Seconds between two looks for new readings."
    )
    notify: str = Field(
        "smartwatts_notify",
        description="Airflow connection that gets a message for each run, change of champion "
        "and trouble; while there is none of this name, nobody is told.",
    )
    s3_connection: str = Field(
        "",
        description="Airflow connection of type aws with which the DAGs and the Models page reach "
        "a root on S3; empty: boto3's own chain of settings, as on the command line always.",
    )
    approval: str = Field(
        "",
        description="Models, with commas between, or all, of which a person has to approve each "
        "new version before it is published; say it to every service, those that sign too.",
    )
    approval_hours: float = Field(
        72.0,
        gt=0,
        le=168,
        description="Hours for which an approval is waited for; then the champion stays.",
    )
    approval_users: dict[str, str] = Field(
        default_factory=dict,
        description="Who may approve, name by the user's id in Airflow, as JSON: an id is the name "
        "for the simple auth manager, a number for FAB. Empty: whoever may edit the run's tasks.",
    )
    late_hours: float = Field(
        12.0,
        gt=0,
        description="Hours after which a run that has claimed a model and not decided on it is "
        "reported as late.",
    )
    silent_days: float = Field(
        7.0,
        ge=0,
        description="Days after which sites are reported whose readings end so long before those "
        "of others, and a landing/ into which nothing has come; 0: never.",
    )
    training_pod: str = Field(
        "",
        description="YAML file of a pod that KubernetesExecutor's training pods are changed to.",
    )
    signing_pod: str = Field(
        "",
        description="YAML file of a pod that KubernetesExecutor's signing pods are changed to.",
    )

    @property
    def approval_models(self) -> frozenset[str]:
        """What ``approval`` names."""
        return names_in(self.approval)

    def wants_approval(self, model: str) -> bool:
        """Whether a person has to approve the model's new versions."""
        return bool(self.approval_models & {model, ALL_MODELS})


def names_in(text: str) -> frozenset[str]:
    """Names with commas between.

    >>> sorted(names_in("nilm, anomaly"))
    ['anomaly', 'nilm']
    """
    return frozenset(name.strip() for name in text.split(",")) - {""}
