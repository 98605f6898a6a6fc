"""What a column or a register is about, told by its name."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from smartwatts_ml.readings.layouts import vocabulary
from smartwatts_ml.readings.units import no_power, unit_in_name

__all__ = [
    "DEVICE",
    "END",
    "FACTOR",
    "Flow",
    "INTERVAL",
    "REGISTER",
    "STAMP",
    "UNIT",
    "VALUE",
    "Sense",
    "bare_name",
    "channel_of",
    "is_appliance",
    "is_of_the_row",
    "names_a_thing",
    "plain_name",
    "role_of",
    "says_quality",
    "sense_of",
    "speaks_of_energy",
    "speaks_of_values",
]

STAMP, END, VALUE, DEVICE = "stamp", "end", "value", "device"
REGISTER, UNIT, INTERVAL, FACTOR = "register", "unit", "interval", "factor"
_ORDER = (END, INTERVAL, FACTOR, UNIT, VALUE, STAMP, DEVICE, REGISTER)
"""Of several words of a name, which role counts first."""
_OF_TIME = vocabulary.words("date time datetime start datum datumzeit fecha data dato fra von from")
_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-zåäöüé])(?=[A-ZÅÄÖÜÉ])")
_UNIT_BEHIND = re.compile(r" ?\[[^\]]*\]$")
_BRACKETS = re.compile(r"[\[(][^\])]*[\])]")
_PHRASES = (
    (re.compile(r"(?:\d-\d+:)?(?<![\d.])1\.(?:7|8|9|29)\.(\d+)(?:\*\d+)?"), r" import t\1 "),
    (re.compile(r"(?:\d-\d+:)?(?<![\d.])2\.(?:7|8|9|29)\.(\d+)(?:\*\d+)?"), r" export t\1 "),
    (re.compile(r"(?:\d-\d+:)?(?<![\d.])[3-9]\.(?:7|8|9|29)\.(\d+)(?:\*\d+)?"), " reactive "),
    (re.compile(r"(?<![\w+-])(?:A\+|\+A)(?!\w)"), " import "),
    (re.compile(r"(?<![\w+-])(?:A-|-A)(?!\w)"), " export "),
    (re.compile(r"(?<![\w+-])[RQ][+-]?\d?(?=[+-]|\d)[+-]?\d?(?!\w)"), " reactive "),
    (re.compile(r"^R[IE]$"), " reactive "),
    (re.compile(r"\b(?:in)?to (?:the )?grid\b", re.IGNORECASE), " togrid "),
    (re.compile(r"\bfrom (?:the )?grid\b", re.IGNORECASE), " fromgrid "),
    (re.compile(r"\bself[ -_]?(?:consum\w*|use|usage)\b", re.IGNORECASE), " eigenverbrauch "),
)  # fmt: skip
"""Codes of registers (OBIS, IEC 62056-61) and phrases, as words."""
_PHASE = re.compile(r"(?:l|phase|phasea?|mains?|leg|p|ph)?([123abc])")
_IN_BRACKETS = re.compile(r"[\[(][ABCabc123][\])]")
_PHASES = {"a": 1, "b": 2, "c": 3, "1": 1, "2": 2, "3": 3}
_OWN_USE = vocabulary.words(
    "eigenverbrauch eigendeckung autoconsumo autocons autoconsommation zelfverbruik"
)
_SMALL_WORDS = frozenset({"dutch", "users", "data", "sum", "summe", "raw", "new", "end"})

_KNOWN = frozenset().union(
    *vocabulary.ROLES.values(), vocabulary.GENERIC, vocabulary.EXPORT, vocabulary.IMPORT,
    vocabulary.PRODUCTION, vocabulary.WHOLE, vocabulary.TARIFFS,
)  # fmt: skip

_FLOWS = frozenset({"import", "export", "production", "net"})

Flow = Literal["use", "import", "export", "production", "net", "own", "plain", "other"]


def plain_name(name: str) -> str:
    """A name without differences of case and spaces.

    >>> plain_name(" KWH/hh  (per half hour) ")
    'kwh/hh (per half hour)'
    """
    return " ".join(unicodedata.normalize("NFC", name).strip(" \t\ufeff'\"").casefold().split())


def bare_name(name: str) -> str:
    """A plain name without the unit in brackets behind it.

    >>> bare_name("Use [kW]"), bare_name("[kW]")
    ('use', '[kw]')
    """
    plain = plain_name(name)
    return _UNIT_BEHIND.sub("", plain) or plain


@lru_cache(4096)
def _words(name: str) -> tuple[str, ...]:
    """Words of a name, codes of registers spelled out, heads of compounds beside them."""
    text = unicodedata.normalize("NFC", name)
    for pattern, word in _PHRASES:
        text = pattern.sub(word, text)
    words: list[str] = []
    for word in _WORD.findall(text):
        known = word.casefold() in _KNOWN or word.islower() or word.isupper()
        words += [word] if known else _CAMEL.sub(" ", word).split()
    return tuple(dict.fromkeys(word.casefold() for word in words))


def role_of(name: str) -> str | None:
    """The role that a column's name speaks of; None where it is none of readings, or unknown.

    >>> [role_of(n) for n in ("Usage (kWh)", "End", "Alkuaika", "Voltage", "USAGE_START_TIME")]
    ['value', 'end', 'stamp', None, 'stamp']
    """
    if no_power(name):
        return None
    if unit_in_name(name) or sense_of(name).flow in _FLOWS:
        return VALUE
    words = set(_words(name))
    if words & vocabulary.OF_THE_ROW:
        return None
    roles = {role for role, known in vocabulary.ROLES.items() if words & known}
    roles |= {
        role
        for ending, role in vocabulary.COMPOUNDS
        if any(word.endswith(ending) for word in words)
    }
    if END not in roles and STAMP in roles and _OF_TIME & words:
        return STAMP
    return next((role for role in _ORDER if role in roles), None)


def channel_of(name: str) -> str:
    """A channel named after a column or a register.

    >>> channel_of("Furnace 1 [kW]"), channel_of("sensor.washing_machine_power"), channel_of("=1")
    ('furnace_1', 'washing_machine', '1')
    """
    text = _BRACKETS.sub("", name.rpartition("sensor.")[2])
    words = [word.casefold() for word in _WORD.findall(unicodedata.normalize("NFC", text))]
    while len(words) > 1 and words[-1] in {
        "power", "energy", "active", "kw", "w", "kwh", "wh", "consumption", "usage", "watts"
    }:  # fmt: skip
        words.pop()
    return "_".join(words)


def is_appliance(name: str) -> bool:
    """Whether it speaks of a single consumer.

    >>> is_appliance("refrigerator1"), is_appliance("Row")
    (True, False)
    """
    return any(word.rstrip("0123456789") in vocabulary.APPLIANCES for word in _words(name))


def is_of_the_row(name: str) -> bool:
    """Whether it speaks of the row and not of its reading.

    >>> is_of_the_row("Quality"), is_of_the_row("Sensor")
    (True, False)
    """
    return bool(set(_words(name)) & vocabulary.OF_THE_ROW)


def says_quality(name: str) -> bool:
    """Whether it says how good the values of its lines are.

    >>> says_quality("Validatiestatus"), says_quality("State")
    (True, False)
    """
    return bool(set(_words(name)) & vocabulary.QUALITY)


def names_a_thing(name: str) -> bool:
    """Whether it speaks of sensors, sockets or the like, of which a file may have several.

    >>> names_a_thing("MQTT topic"), names_a_thing("weather")
    (True, False)
    """
    words = set(_words(name))
    known = vocabulary.THINGS | vocabulary.ROLES[DEVICE] | vocabulary.ROLES[REGISTER]
    return bool(words & known)


def speaks_of_energy(name: str) -> bool:
    """Whether it says energy, and not power.

    >>> [speaks_of_energy(n) for n in ("sensor.washer_energy", "Energie", "P (Wh)", "energy power")]
    [True, True, True, False]
    """
    unit = unit_in_name(name)
    words = set(_words(name))
    if unit is not None or words & vocabulary.POWER:
        return unit is not None and "h" in unit
    return bool(words & vocabulary.ENERGY)


def speaks_of_values(name: str) -> bool:
    """Whether it says that numbers of it measure something.

    >>> [speaks_of_values(n) for n in ("Main A (W)", "Voltage", "sn")]
    [True, True, False]
    """
    return role_of(name) == VALUE or no_power(name) is not None


@dataclass(frozen=True)
class Sense:
    """What a name says of its power. ``flow``: whole use of a home, what passes its supply
    (``import``, ``export``, ``net``), what it makes, and uses of that itself (``own``);
    ``plain``: power or energy, and no more; ``other``: something else, such as an appliance.
    ``tariff``: words that tell parts of one meter apart. ``phase``: 1 to 3, 0 where none."""

    flow: Flow
    tariff: frozenset[str] = frozenset()
    phase: int = 0

    @property
    def is_part(self) -> bool:
        return bool(self.tariff or self.phase)


@lru_cache(4096)
def sense_of(name: str) -> Sense:
    """
    >>> [sense_of(n).flow for n in ("use [kW]", "Global_active_power", "Returned energy Wh (A)")]
    ['use', 'use', 'export']
    >>> [sense_of(n).flow for n in ("Fridge [kW]", "Energy Produced (Wh)", "2.8.0", "power")]
    ['other', 'production', 'export', 'plain']
    >>> sense_of("Electricity 1 (Dutch Users: Low Tariff)").is_part, sense_of("Furnace 1").is_part
    (True, False)
    """
    words = set(_words(name))
    if words & _OWN_USE:
        return Sense("own")
    rest = words - vocabulary.GENERIC - _SMALL_WORDS
    tariff = rest & vocabulary.TARIFFS
    rest -= tariff | {word for word in rest if word.isdigit() and tariff}
    phase, rest = _phase(name, rest)
    flow: Flow = "other"
    if "togrid" in rest or ("fromgrid" not in rest and rest & vocabulary.EXPORT):
        flow = "export"
    elif rest & vocabulary.IMPORT or "fromgrid" in rest:
        flow = "import"
    elif any(word.rstrip("0123456789") in vocabulary.PRODUCTION for word in rest):
        flow = "production" if not rest & vocabulary.APPLIANCES else "other"
    elif rest <= vocabulary.WHOLE | vocabulary.NET | vocabulary.GRID:
        flow = _whole_flow(rest | words & vocabulary.GRID)
    return Sense(flow, frozenset(tariff), phase)


def _whole_flow(rest: set[str]) -> Flow:
    if rest & vocabulary.NET:
        return "net"
    if rest & vocabulary.GRID:
        return "import" if rest & vocabulary.WHOLE else "net"
    return "use" if rest else "plain"


def _phase(name: str, rest: set[str]) -> tuple[int, set[str]]:
    """The phase that a name speaks of, and what else it says."""
    for word in sorted(rest):
        match = _PHASE.fullmatch(word)
        bare = len(word) == 1 and not rest & {"phase", "mains", "main", "leg"}
        if match is None or (bare and not _IN_BRACKETS.search(name)):
            continue
        return _PHASES[match[1]], rest - {word, "phase", "mains"} | (rest & {"mains"})
    return 0, rest
