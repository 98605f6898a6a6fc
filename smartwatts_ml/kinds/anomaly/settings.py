"""Settings of the anomaly kind, ``SMARTWATTS_ANOMALY_*`` or ``[anomaly]`` in the TOML file."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from smartwatts_ml.settings.base import TomlSettings

__all__ = ["AnomalySettings"]


class AnomalySettings(TomlSettings):
    """How the anomaly model is built, trained and judged."""

    table: ClassVar[str] = "anomaly"
    model_config = SettingsConfigDict(env_prefix="SMARTWATTS_ANOMALY_")

    context_days: int = Field(
        28,
        ge=14,
        le=56,
        multiple_of=7,
        description="Days of hourly history that one score looks at.",
    )
    max_alerts_per_month: float = Field(
        2.0, gt=0, description="Alert budget: false alerts a device-month on normal readings."
    )
    min_present_hours: int = Field(
        72, ge=24, description="Hours of history that must be present before an alert is given."
    )
    epochs: int = Field(30, gt=0, description="Most epochs of training.")
    patience: int = Field(5, gt=0, description="Epochs without gain after which training ends.")
    batch_size: int = Field(256, gt=0, description="Windows in one step of training.")
    learning_rate: float = Field(2e-3, gt=0, description="Of Adam, decayed by a cosine.")
    injected_windows: int = Field(
        30_000,
        ge=1000,
        description="Most windows with injected anomalies that are trained on, over all "
        "sites; as many normal ones come with them.",
    )
    normal_hours: int = Field(
        40_000,
        ge=1000,
        description="Most normal hours that score and threshold are calibrated on.",
    )
    max_sites: int = Field(
        500, gt=1, description="Most sites that are trained on; of more, a seeded sample."
    )
