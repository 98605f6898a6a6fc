"""What lines above a header say of the readings below."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smartwatts_ml.readings.layouts.names import UNIT, role_of
from smartwatts_ml.readings.units import unit_of
from smartwatts_ml.timezones import zone_named

__all__ = ["word_of_preamble", "zone_in"]

_PAIR = re.compile(r"\W*([^\W\d][\w /-]{0,30}?)\s*[:;,=\t|]\s*\"?([^;,\t|\"]{1,40}).*")
_ZONE = re.compile(
    r"[A-Z][A-Za-z]+/[A-Za-z_]+(?:/[A-Za-z_]+)?|(?<![A-Za-z])(?:UTC|GMT|utc|gmt)(?![A-Za-z0-9+-])"
)
_OF_ZONES = re.compile(r"zone|utc|gmt|tz", re.IGNORECASE)


def zone_in(text: str) -> str | None:
    """The IANA timezone that a text names.

    >>> zone_in("Time Bucket (America/New_York)"), zone_in("Date/time UTC"), zone_in("Date/Time")
    ('America/New_York', 'UTC', None)
    """
    for match in _ZONE.finditer(text):
        if match[0].upper() in ("UTC", "GMT"):
            return "UTC"
        if zone_named(match[0]) is not None:
            return match[0]
    return None


def word_of_preamble(lines: Sequence[str]) -> dict[str, str]:
    """Unit and timezone as fields of a layout, where a line names one.

    >>> word_of_preamble(["Konto;0000011", "Einheit;kWh", "# Timezone: Europe/Berlin"])
    {'unit': 'kWh', 'timezone': 'Europe/Berlin'}
    """
    said: dict[str, str] = {}
    for line in lines:
        match = _PAIR.fullmatch(line.strip())
        if match is None:
            continue
        name, text = match[1], match[2].strip()
        unit = unit_of(text)
        if unit and role_of(name) == UNIT:
            said["unit"] = unit
        if _OF_ZONES.search(name) and (zone := zone_in(text)):
            said["timezone"] = zone
    return said
