"""Settings of the NILM kind, ``SMARTWATTS_NILM_*`` or ``[nilm]`` in the TOML file."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from smartwatts_ml.kinds.nilm.grid import window_seconds
from smartwatts_ml.settings.base import TomlSettings

__all__ = ["NilmSettings"]

_FEWEST_SAMPLES, _MOST_SAMPLES = 32, 8640


class NilmSettings(TomlSettings):
    """How the NILM model is built, trained and judged."""

    table: ClassVar[str] = "nilm"
    model_config = SettingsConfigDict(env_prefix="SMARTWATTS_NILM_")

    period_s: int = Field(
        60, ge=10, le=1800, description="Seconds of one sample of mains: as fine as homes have it."
    )
    window_minutes: int | None = Field(
        None,
        ge=64,
        le=20_160,
        description="Time that one window spans, in minutes. Unset: 512, or 192 samples where "
        "these are longer.",
    )
    on_thresholds: dict[str, float] = Field(
        default_factory=dict,
        description="On-state threshold in W by appliance, as JSON; wins over the published ones.",
    )
    min_activations: int = Field(
        10, gt=0, description="An appliance with fewer activations to learn from is left out."
    )
    epochs: int = Field(40, gt=0, description="Most epochs of training.")
    patience: int = Field(12, gt=0, description="Epochs without gain after which training ends.")
    steps: int = Field(64, gt=0, description="Batches in one epoch.")
    batch_size: int = Field(
        32, gt=0, description="Windows in one batch; fewer at shorter periods than a minute."
    )
    learning_rate: float = Field(8e-3, gt=0, description="Of Adam, warmed up, then by a cosine.")
    members: int = Field(
        2, ge=1, le=2, description="Networks of one file whose estimates are averaged."
    )
    balance: float = Field(
        0.5, ge=0, le=1, description="Share of windows drawn around an activation."
    )
    as_is: float = Field(
        0.2, ge=0, le=1, description="Share of windows that are learned as they were recorded."
    )
    strip: float = Field(
        0.5, ge=0, le=1, description="Chance for each appliance that its own power is taken out."
    )
    mixing: float = Field(
        0.5, ge=0, le=1, description="Chance for each appliance that another make of it is added."
    )
    other: float = Field(
        0.7, ge=0, le=1, description="Chance that another home's unmetered loads are added."
    )
    simulated_homes: int = Field(80, ge=0, description="Simulated homes to learn from.")
    simulated_days: int = Field(10, ge=2, description="Days of each simulated home.")
    simulated_share: float = Field(
        0.35, ge=0, le=1, description="Share of windows that are of simulated homes."
    )
    label_weight: float = Field(
        0.1,
        ge=0,
        description="Weight of what people said of homes beside what is measured; 0: none.",
    )
    max_samples: int = Field(
        3_000_000, gt=0, description="Most samples of mains held in memory; the newest are kept."
    )

    @property
    def window_s(self) -> int:
        """Seconds that one window spans."""
        minutes = self.window_minutes
        return window_seconds(self.period_s) if minutes is None else minutes * 60

    @field_validator("window_minutes")
    @classmethod
    def _check_window(cls, minutes: int | None, info: ValidationInfo) -> int | None:
        period_s = info.data.get("period_s")
        if minutes is None or period_s is None:  # which is refused by itself
            return minutes
        samples = minutes * 60 // period_s
        if not _FEWEST_SAMPLES <= samples <= _MOST_SAMPLES:
            raise ValueError(
                f"{minutes} minutes are {samples} samples of {period_s} s, and have to be "
                f"{_FEWEST_SAMPLES} to {_MOST_SAMPLES}; unset, it suits the period"
            )
        return minutes
