"""Settings of what comes after publishing: who is behind or silent, and what evidence does."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from smartwatts_ml.settings.base import SettingsGroup

__all__ = ["FleetSettings"]


class FleetSettings(SettingsGroup):
    """Of gateways and their beacons (``SMARTWATTS_FLEET_*``)."""

    prefix: ClassVar[str] = "fleet_"

    silent_days: float = Field(
        default=3.0, gt=0, description="Days without a beacon after which a gateway is silent."
    )
    behind_days: float = Field(
        default=7.0,
        ge=0,
        description="Days after which a gateway is behind that runs another version than the one "
        "in force.",
    )
