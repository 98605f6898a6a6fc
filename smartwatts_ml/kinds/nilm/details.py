"""What a NILM file says of itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from pydantic import Field, model_validator

from smartwatts_ml.kinds.details import Details

__all__ = ["Duration", "NilmDetails"]


@dataclass(frozen=True)
class Duration:
    """How an appliance runs: pauses it makes and the time it needs at least, in seconds."""

    pause_s: float
    shortest_s: float


class NilmDetails(Details):
    """``window``: samples, one every ``period_s``. By appliance: ``on_thresholds_w``, from
    which on it is on; ``on_cuts``, the on-probability below which it is off; ``durations``. These
    speak of appliances that are left out too."""

    appliances: tuple[str, ...]
    window: int = Field(gt=0, le=8640)
    period_s: int = Field(gt=0, le=3600)
    on_thresholds_w: dict[str, float]
    on_cuts: dict[str, float]
    durations: dict[str, Duration]
    not_told: dict[str, str] = Field(default={})

    def shapes(self) -> dict[str, tuple[int, ...]]:
        each = (1, self.window, len(self.appliances))
        return {"mains_w": (1, self.window, 1), "power_w": each, "on_probability": each}

    def lacks(self, parts: Collection[str]) -> frozenset[str]:
        return frozenset(parts) - set(self.appliances)

    @model_validator(mode="after")
    def _know_every_appliance(self) -> Self:
        for name in ("on_thresholds_w", "on_cuts", "durations"):
            unknown = set(self.appliances) - getattr(self, name).keys()
            if unknown:
                raise ValueError(f"{name} says nothing of {', '.join(sorted(unknown))}")
        return self
