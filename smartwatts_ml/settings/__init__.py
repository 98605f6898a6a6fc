"""Settings: those that are no kind's own, and what every class of settings is (``base``)."""

from __future__ import annotations

from smartwatts_ml.settings.common import (
    GateSettings,
    HoldoutSettings,
    QualitySettings,
    Settings,
    settings,
)

__all__ = ["GateSettings", "HoldoutSettings", "QualitySettings", "Settings", "settings"]
