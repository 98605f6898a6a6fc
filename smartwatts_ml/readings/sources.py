"""What a source of landing files writes: its unit and its clock, by the name of the file."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from smartwatts_ml.settings import Settings

__all__ = ["Source", "Unit", "source_of"]

Unit = Literal["W", "kW", "Wh", "kWh", "Wh-counter", "kWh-counter"]
"""``Wh`` and ``kWh`` are energy of an interval; a counter only ever grows, but for resets."""


class Source(BaseModel):
    """Files whose path matches, and how to read them. What is None is as for all others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: str = Field(
        default="*", description="Pattern of paths below landing/, e.g. meters-*/2026-*.csv.gz."
    )
    unit: Unit | None = Field(default=None, description="Unit of consumption.")
    timezone: str | None = Field(default=None, description="IANA timezone of naive timestamps.")
    interval_s: float | None = Field(
        default=None, gt=0, description="Seconds of one interval of energy; found out if not given."
    )
    stamp: str | None = Field(
        default=None,
        description="Form of timestamps for strptime, e.g. %d/%m/%Y %H:%M; found out if not.",
    )

    def matches(self, key: str) -> bool:
        """Whether this source wrote the file.

        >>> Source(match="berlin/*").matches("landing/berlin/2026/a.csv")
        True
        """
        return fnmatchcase(key.removeprefix("landing/"), self.match)

    @property
    def is_counter(self) -> bool:
        """Whether consumption is a meter's total."""
        return (self.unit or "").endswith("-counter")

    @property
    def is_energy(self) -> bool:
        """Whether consumption is energy of an interval."""
        return self.unit in ("Wh", "kWh")

    @property
    def interval_untold(self) -> bool:
        """Whether consumption is energy of an interval that the readings have to tell."""
        return self.is_energy and self.interval_s is None

    @property
    def scale(self) -> float:
        """What a number is multiplied by to be W, Wh, or kWh of a counter."""
        if self.is_counter:
            return 1.0 if self.unit == "kWh-counter" else 1e-3
        return 1e3 if (self.unit or "").startswith("k") else 1.0


def source_of(settings: Settings, key: str) -> Source:
    """The first of the settings' sources that matches a file; what it leaves open is as
    the settings say for all."""
    found = next((source for source in settings.sources if source.matches(key)), Source())
    given = {"unit": settings.unit, "timezone": settings.timezone}
    return found.model_copy(
        update={name: value for name, value in given.items() if getattr(found, name) is None}
    )
