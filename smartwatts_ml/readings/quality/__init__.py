"""Are the readings plausible? Flagged, never dropped; thresholds are settings.

``flags`` names the checks; ``levels``, ``stuck``, ``units``, ``clocks``, ``balance`` and
``gaps`` hold them, pure functions on one device's arrays; ``assess`` runs them over a
site; ``record`` is what a site's quality is told by.
"""

from __future__ import annotations

from smartwatts_ml.readings.quality.assess import assess, flag_devices
from smartwatts_ml.readings.quality.flags import SUSPECT, WORDS, Flag
from smartwatts_ml.readings.quality.record import DeviceFinding, DeviceQuality, Gap, SiteQuality

__all__ = [
    "SUSPECT",
    "WORDS",
    "DeviceQuality",
    "DeviceFinding",
    "Flag",
    "Gap",
    "SiteQuality",
    "assess",
    "flag_devices",
]
