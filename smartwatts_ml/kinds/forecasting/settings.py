"""Settings of forecasting, ``SMARTWATTS_FORECASTING_*``."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import ClassVar

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from smartwatts_ml.errors import UsageError
from smartwatts_ml.settings.base import TomlSettings

__all__ = ["ForecastingSettings", "known_country"]


def known_country(country: str) -> str:
    """The country itself, or none. Raises UsageError where nobody knows its holidays; what
    knows them is loaded for one that is set."""
    if country:
        resolve_name("smartwatts_ml.kinds.forecasting.holiday:check_country")(country)
    return country


class ForecastingSettings(TomlSettings):
    """How forecasting networks are trained."""

    table: ClassVar[str] = "forecasting"
    model_config = SettingsConfigDict(env_prefix="SMARTWATTS_FORECASTING_")

    epochs: int = Field(20, gt=0, description="Epochs, at most; training stops early by itself.")
    batch_size: int = Field(128, gt=0, description="Windows in a training step.")
    epoch_windows: int = Field(
        16384, gt=0, description="Windows drawn in an epoch, however many sites there are."
    )
    patience: int = Field(5, gt=0, description="Epochs without progress before training stops.")
    units: int = Field(96, gt=0, description="Width of each layer of the network.")
    layers: int = Field(3, gt=0, description="Layers of the network.")
    heads: int = Field(4, gt=0, description="Heads of the attention over days of the context.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of hidden units left out.")
    learning_rate: float = Field(3e-3, gt=0, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(1e-3, ge=0, description="Weight decay of AdamW.")
    averaging: float = Field(
        0.998, ge=0, lt=1, description="Share that the average of weights keeps in a step."
    )
    midnight_share: float = Field(
        0.5, ge=0, le=1, description="Share of training windows that begin at local midnight."
    )
    days_at_once: int = Field(
        2, gt=0, description="Days of its horizon that a window teaches in a step."
    )
    damaged_share: float = Field(
        0.15, ge=0, le=1, description="Share of training contexts that are cut short or damaged."
    )
    validation_share: float = Field(
        0.15, gt=0, lt=0.5, description="Newest share of each site that early stopping watches."
    )
    max_sites: int = Field(500, gt=0, description="Most sites held in memory while training.")
    holidays: str = Field(
        "", description="Country (US, GB-ENG, DE-BY) whose public holidays models learn of."
    )
    temperature: bool = Field(
        False, description="Whether models get site/temperature (degrees Celsius) where it is."
    )

    @field_validator("holidays")
    @classmethod
    def _known_country(cls, country: str) -> str:
        try:
            return known_country(country)
        except UsageError as error:
            raise ValueError(str(error)) from error
