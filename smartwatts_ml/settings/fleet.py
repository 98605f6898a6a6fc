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
    beacon_months: int = Field(
        default=18,
        ge=0,
        description="Months of beacons that stay, the newest among them; nothing looks at those "
        "before the last 15. 0: all.",
    )
    harm: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Share by which a version's errors at home may be higher than those of the one "
        "before it.",
    )
    failures: float = Field(
        default=0.02,
        gt=0,
        lt=1,
        description="Share of homes in which a version may fail beyond those in which the one "
        "before it does.",
    )
    confidence: float = Field(
        default=0.95,
        gt=0.5,
        lt=1,
        description="How sure it has to be that a version does harm before it is taken back, over "
        "all looks together; and that it does none before more gateways get it.",
    )
    rollback: bool = Field(
        default=True,
        description="Whether a version that is shown to do harm is taken back by itself; else that "
        "is only told.",
    )
    watch_days: float = Field(
        default=90.0,
        gt=0,
        description="Days for which a version is compared with the one before it.",
    )
    drift: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share by which a champion's errors at home may be higher than in its first "
        "four weeks before it asks for retraining.",
    )
