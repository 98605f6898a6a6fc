"""What lines above a header say of the readings below."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from smartwatts_ml.readings.layouts.names import UNIT, role_of
from smartwatts_ml.readings.units import no_power, unit_of
from smartwatts_ml.timezones import zone_named

__all__ = ["unit_of_no_power", "word_of_preamble", "zone_in"]

_PAIR = re.compile(r"\W*([^\W\d][\w /-]{0,30}?)\s*[:;,=\t|]\s*\"?([^;,\t|\"]{1,40}).*")
_ZONE = re.compile(
    r"[A-Z][A-Za-z]+/[A-Za-z_]+(?:/[A-Za-z_]+)?|(?<![A-Za-z])(?:UTC|GMT|utc|gmt)(?![A-Za-z0-9+-])"
)
_SEPARATORS = ";\t|,"
_LEAST_FACTS = 3
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


def _facts(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names on one line, with what stands below each of them."""
    for names, texts in itertools.pairwise(lines):
        mark = max(_SEPARATORS, key=names.count)
        split = names.split(mark), texts.split(mark)
        if len(split[0]) == len(split[1]) >= _LEAST_FACTS:
            yield from zip(*([field.strip(' "') for field in side] for side in split), strict=True)


def unit_of_no_power(lines: Sequence[str]) -> str | None:
    """What lines above a header say that the readings are in, where that is neither power nor
    energy.

    >>> unit_of_no_power(["PRM;Type;Unite", "1234;Puissance maximale;VA"])
    'VA'
    """
    for name, text in _facts(lines):
        if role_of(name) == UNIT and no_power(text):
            return text
    return None


def word_of_preamble(lines: Sequence[str]) -> dict[str, str]:
    """Unit and timezone as fields of a layout, where a line names one.

    >>> word_of_preamble(["Konto;0000011", "Einheit;kWh", "# Timezone: Europe/Berlin"])
    {'unit': 'kWh', 'timezone': 'Europe/Berlin'}
    >>> word_of_preamble(["PRM;Type;Unite", "1234;Courbe;W"])
    {'unit': 'W'}
    """
    said: dict[str, str] = {}
    for name, text in _facts(lines):
        if (unit := unit_of(text)) and role_of(name) == UNIT:
            said["unit"] = unit
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
