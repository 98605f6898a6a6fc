"""What a forecasting file says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from smartwatts_ml.kinds.details import Details
from smartwatts_ml.kinds.forecasting.layout import (
    CONTEXT_HOURS,
    HOLIDAY,
    MAX_HORIZON,
    TEMPERATURE,
    day_names,
)

__all__ = ["NO_EXOGENOUS", "EnergyFactors", "Exogenous", "ForecastingDetails"]


class Exogenous(BaseModel):
    """What a model gets beside the meter: ``country`` of its holidays (``DE`` or ``DE-BY``),
    empty for none; whether it gets temperatures; and hours ahead of an origin for both."""

    model_config = ConfigDict(frozen=True)

    country: str = ""
    temperature: bool = False
    ahead: int = Field(0, ge=0, le=MAX_HORIZON)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        wanted = ((HOLIDAY, bool(self.country)), (TEMPERATURE, self.temperature))
        return tuple(name for name, there in wanted if there)


NO_EXOGENOUS = Exogenous()


@dataclass(frozen=True)
class EnergyFactors:
    """A sum of power is around ``sum(P50) + tilt * sum(P90 + P10 - 2 P50)``, and its
    quantiles lie ``low``, ``middle`` and ``high`` times ``sum(P90 - P10)`` away."""

    tilt: float
    low: float
    middle: float
    high: float


class ForecastingDetails(Details):
    """``horizon``, ``context_hours``: of one forecast. ``stretch``: how much calibration
    widened intervals. ``exogenous``: ``outside`` in the file. ``energy``: factors for sums, by
    ``day`` and ``horizon``."""

    horizon: int = Field(ge=1, le=MAX_HORIZON)
    context_hours: int = Field(ge=CONTEXT_HOURS, le=CONTEXT_HOURS)
    stretch: Mapping[str, Any]
    exogenous: Exogenous = Field(NO_EXOGENOUS, alias="outside")
    energy: Mapping[str, EnergyFactors] = {}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        both = (1, self.context_hours + self.exogenous.ahead, 1)
        return {
            "history_w": (1, self.context_hours, 1),
            "hour_of_week": (1, 1),
            **dict.fromkeys(self.exogenous.names, both),
            "power_w": (1, self.horizon, 3),
        }

    @property
    def left_out_hours(self) -> tuple[tuple[int, int], ...]:
        """Hours ahead that the file does not forecast, first and end, by day."""
        return tuple(
            (24 * day, min(24 * day + 24, self.horizon))
            for day, name in enumerate(day_names(self.horizon))
            if name in self.left_out
        )
