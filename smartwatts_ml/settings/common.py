"""Every setting that is not one kind's own, with its description.

Each is a ``SMARTWATTS_*`` variable or a key of ``[smartwatts]`` in ``smartwatts.toml``
(``base.py`` reads them). Kinds have settings of their own in their folders.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from smartwatts_ml.settings.airflow import AirflowSettings
from smartwatts_ml.settings.base import PREFIX, SettingsGroup
from smartwatts_ml.settings.fleet import FleetSettings
from smartwatts_ml.settings.rollout import RolloutSettings
from smartwatts_ml.sources import Defaults, Source, Unit

__all__ = [
    "GateSettings",
    "HoldoutSettings",
    "QualitySettings",
    "RELEASE",
    "Settings",
    "settings",
]

RELEASE = r"[0-9]{1,3}(\.[0-9]{1,4}){1,3}((a|b|rc)[0-9]{1,3})?"
"""What a release is called, such as 1.4.0."""


class HoldoutSettings(SettingsGroup):
    """Which readings are held out of training (``SMARTWATTS_HOLDOUT_*``)."""

    prefix: ClassVar[str] = "holdout_"

    share: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Newest share of each site that is held out of training, from `days` to "
        "`max_days`.",
    )
    days: float = Field(default=7.0, gt=0, description="Shortest holdout of a site, in days.")
    max_days: float = Field(
        default=28.0,
        gt=0,
        description="Longest holdout of a site, in days; so much more than what a kind of model "
        "needs where that is longer. A site that has been silent for longer is not judged on.",
    )
    site_share: float = Field(
        default=0.15, ge=0, lt=1, description="Share of sites never trained on."
    )
    min_sites: int = Field(
        default=10, gt=1, description="Fewer sites than this: the holdout is by time alone."
    )
    max_sites: int = Field(
        default=1000,
        gt=1,
        description="Most sites that a judgement scores, picked by a stable hash: more would "
        "cost time and decide nothing else.",
    )


class GateSettings(SettingsGroup):
    """What a challenger has to show (``SMARTWATTS_GATE_*``)."""

    prefix: ClassVar[str] = "gate_"

    confidence: float = Field(
        default=0.97,
        gt=0.5,
        lt=1,
        description="How sure the gate has to be that a first or, if careful, any challenger is "
        "better, and, all vetoes taken together, that something got worse.",
    )
    resamples: int = Field(
        default=1000, ge=100, description="Resamples of the intervals that reports show."
    )
    slice_loss: float = Field(
        default=0.25, gt=0, description="Share by which a single site may get worse."
    )
    group_loss: float = Field(
        default=0.1,
        gt=0,
        description="Share by which an appliance, a season, a band of hours, or the sites "
        "that training saw or did not see may get worse.",
    )
    least_gain: float = Field(
        default=0.005,
        ge=0,
        description="Share by which a first or, if careful, any challenger has to be better at "
        "least: training again with another seed changes a model by about as much.",
    )
    margin: float = Field(
        default=0.02,
        gt=0,
        description="Share by which a challenger may be worse at most that repairs a named "
        "failure of the champion.",
    )
    drift: float = Field(
        default=0.25,
        gt=0,
        description="Population stability index of an input from which on it has drifted.",
    )
    policy: Literal["careful", "fresh"] = Field(
        default="fresh",
        description="What a challenger has to show once every veto is passed. careful: better "
        "with gate_confidence, and by gate_least_gain. fresh: so while the champion is young, "
        "better with gate_fresh_confidence than an older one.",
    )
    fresh_confidence: float = Field(
        0.8,
        ge=0.5,
        lt=1,
        description="How sure it has to be, if fresh, that a challenger is better than a champion "
        "that is no longer young; 0.5 lets the estimate decide.",
    )
    fresh_weeks: float = Field(
        12.0, ge=0, description="Weeks for which a champion counts as young if fresh."
    )


class QualitySettings(SettingsGroup):
    """From where on readings are doubtful. Nothing doubtful is dropped."""

    fuse_watts: float = Field(
        default=50_000.0,
        gt=0,
        description="W that no home can draw or feed in; a site whose mains draws a third of "
        "it for 1 % of the time gets three times that.",
    )
    site_fuse_watts: dict[str, float] = Field(
        default_factory=dict, description="W that a site's fuse allows, by site, as JSON."
    )
    lowest_watts: float = Field(
        default=5.0,
        ge=0,
        description="W below which mains of hardly any home is most of the time: a file asks for "
        "its unit then, as above the fuse.",
    )
    negative_mains: Literal["auto", "allow", "flag"] = Field(
        default="auto", description="Negative mains: auto allows it by day where that is regular."
    )
    negative_channels: tuple[str, ...] = Field(
        default=("solar", "pv", "battery"), description="Channels that may be negative, as JSON."
    )
    negative_watts: float = Field(
        default=10.0, ge=0, description="W below zero that are still a meter's noise."
    )
    stuck_hours: float = Field(
        default=2.0, gt=0, description="Hours of one value that are too many."
    )
    zero_hours: float = Field(
        default=1.0, gt=0, description="Hours of mains at exactly 0 W that are too many."
    )
    sum_watts: float = Field(
        default=100.0, ge=0, description="W by which the appliances' sum may exceed mains."
    )
    sum_share: float = Field(
        default=0.1, ge=0, description="Share of mains by which the appliances' sum may exceed it."
    )
    sum_minutes: float = Field(
        default=15.0, gt=0, description="Minutes for which the appliances' sum may exceed mains."
    )
    gap_hours: float = Field(default=24.0, gt=0, description="Missing hours that make a long gap.")
    unit_days: int = Field(
        default=2,
        gt=0,
        description="Days at a level off by 1000 or the like that are a changed unit.",
    )


class Settings(AirflowSettings):
    """What is not one kind's own."""

    table: ClassVar[str] = "smartwatts"
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
    )

    root: str = Field(
        ".local/smartwatts",
        description="Path, file:/// or s3://bucket/prefix of everything that is kept.",
    )
    keys: str = Field(
        ".local/keys",
        description="Folder of root.json, which says who may sign; of the keys where things are "
        "signed, and of the memory of what was.",
    )
    key_secret_file: str = Field("", description="File with the PIN of a key that wants one.")
    timezone: str = Field(
        "UTC",
        description="IANA timezone of naive timestamps, and of sites without their own.",
    )
    site_timezones: dict[str, str] = Field(
        default_factory=dict, description="IANA timezone by whose clock each site lives, as JSON."
    )
    unit: Unit = Field(
        "W",
        description="Unit of consumption in landing files. Wh and kWh are energy of one "
        "interval; Wh-counter and kWh-counter are a meter's running total.",
    )
    sources: list[Source] = Field(
        default_factory=list,
        description="How files of some sources differ, as JSON: a list of objects with match "
        "(a pattern of paths below landing/), unit, timezone and the other keys of layouts.md.",
    )
    check_mains: bool = Field(
        True,
        description="Whether files ask where mains is not like that of a home: below "
        "lowest_watts or above the fuse most of the time, or 0 every night and not by "
        "day. `smartwatts ingest --yes` does not ask either.",
    )
    ingest_batch_mib: int = Field(
        256,
        gt=0,
        description="New landing files are ingested in batches of this many MiB, each a task "
        "that any worker can take.",
    )
    show_site_names: bool = Field(
        False,
        description="Whether reports, messages and the Models page name sites; else each has a "
        "pseudonym, which `smartwatts readings sites` tells. What is published names none.",
    )
    timestamp_hours: float = Field(
        72.0, gt=0, le=72, description="Hours until a timestamp expires."
    )
    max_file_kib: int = Field(256, gt=0, description="Largest .tflite file that may ship, KiB.")
    max_latency_ms: float = Field(
        10.0, gt=0, description="Slowest median call that may ship, on one core, ms."
    )
    check_runtimes: tuple[Annotated[str, Field(pattern=f"^{RELEASE}$")], ...] = Field(
        (),
        description="Releases of LiteRT, as JSON, that a file has to run on before it ships, with "
        "the outputs that it has here; each is installed in an environment of its own.",
    )
    refit: bool = Field(
        True,
        description="Train an accepted model again by the same recipe on everything up to now; "
        "that ships if it behaves as the judged one does.",
    )
    refit_difference: float = Field(
        0.5,
        gt=0,
        description="How far a refitted model may be from the judged one on the holdout: mean "
        "absolute difference of an output, as a share of its spread.",
    )
    holdout: HoldoutSettings = HoldoutSettings()
    gate: GateSettings = GateSettings()
    quality: QualitySettings = QualitySettings()
    rollout: RolloutSettings = RolloutSettings()
    fleet: FleetSettings = FleetSettings()

    def source_of(self, key: str) -> Source:
        """The first of the sources that matches a file."""
        return next((source for source in self.sources if source.matches(key)), Source())

    @property
    def defaults(self) -> Defaults:
        """What holds for files that neither say it themselves nor have a source that does; its
        ``model_fields_set`` has what a setting says, and not what holds if none does."""
        said = {"unit", "timezone"} & self.model_fields_set
        quality = self.quality
        return Defaults.model_construct(
            said,
            unit=self.unit,
            timezone=self.timezone,
            check_mains=self.check_mains,
            lowest_watts=quality.lowest_watts,
            fuses={**quality.site_fuse_watts, "*": quality.fuse_watts},
        )


def settings(**overrides: Any) -> Settings:
    """The settings in force; an override that is not None wins over the environment."""
    return Settings.load(**overrides)
