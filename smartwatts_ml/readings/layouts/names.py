"""What a column is about, told by its name and by what stands in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.units import no_power, unit_in_name

__all__ = [
    "DEVICE",
    "END",
    "REGISTER",
    "STAMP",
    "UNIT",
    "VALUE",
    "bare_name",
    "channel_of",
    "direction_of",
    "mains_names",
    "plain_name",
    "role_of",
    "time_of_day",
]

STAMP, END, VALUE, DEVICE, REGISTER, UNIT = "stamp", "end", "value", "device", "register", "unit"

_WORDS = {
    END: "end until to stop bis fin ende til slut slutt loppu loppuaika fine hasta tot einde",
    STAMP: "timestamp time datetime date start from begin beginning zeit datum zeitstempel uhrzeit "
    "von ab ts unix epoch moment fecha hora data ora giorno heure horodate tijd tijdstip aika "
    "alkuaika tid tidspunkt dato tag starttime localminute utc local recorded read stamp "
    "zeitpunkt interval periode fra day",
    DEVICE: "device deviceid meter meterid mpan mprn ean nmi esiid id dataid lclid household home "
    "house site customer customerid zähler zählpunkt zaehler zaehlpunkt messstelle målepunkt "
    "maalepunkt mittauspisteen mittauspiste metering cups pod entity station serial statistic",
    UNIT: "unit units uom einheit yksikkö yksikkötyyppi måleenhed unità unité eenheid unidad enhet",
    REGISTER: "register tariff rate channel direction obis code category zählwerk registertype",
    VALUE: "consumption usage use energy power value verbrauch energie consommation conso consumo "
    "verbruik forbrug forbruk förbrukning kulutus määrä mængde volume puissance leistung potenza "
    "potencia load demand active aggregate import offtake afname bezug delivered electricity strom "
    "wert valeur waarde kwh wh kw w mw watt watts mwh verbruikt export injection returned "
    "generation surplus teruglevering einspeisung produced production consumed imported exported "
    "net house overall total",
}
_ROLES = {word: role for role, words in _WORDS.items() for word in words.split()}
_ORDER = (END, UNIT, VALUE, STAMP, DEVICE, REGISTER)
"""Of several words of a name, which role counts first."""
_MAINS = re.compile(
    r"(mains|use|usage|consumption|total|overall|house_overall|whole_house|aggregate|consumed|"
    r"energy_consumed|total_usage|net|total_use|total_consumption|whole_home|house|"
    r"(global|total|mains|whole|site)_active_power|total_power|site_power|verbrauch|"
    r"gesamtverbrauch|hausverbrauch|power|energy|load|demand|value|consommation|consumo|verbruik)"
)
_EXPORT = frozenset(
    {"export", "exported", "injection", "injected", "returned", "return", "surplus", "feed", "fed"}
    | {"einspeisung", "teruglevering", "surplusgeneration", "invoeding", "rückspeisung"}
)
_IMPORT = frozenset({"import", "imported", "offtake", "afname", "bezug", "levering"})
_TIME_OF_DAY = re.compile(r"(\d{1,2})[:.h](\d\d)(?:[:.]00)?")
_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-zåäöüé])(?=[A-ZÅÄÖÜÉ])")
_UNIT_BEHIND = re.compile(r" ?\[[^\]]*\]$")
_BRACKETS = re.compile(r"[\[(][^\])]*[\])]")


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


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(_CAMEL.sub(" ", name))]


def role_of(name: str) -> str | None:
    """The role that a column's name speaks of; None where it is none of readings, or unknown.

    >>> [role_of(n) for n in ("Usage (kWh)", "End", "Alkuaika", "Voltage", "USAGE_START_TIME")]
    ['value', 'end', 'stamp', None, 'stamp']
    """
    if no_power(name):
        return None
    if unit_in_name(name):
        return VALUE
    words = _words(name)
    roles = {_ROLES[word] for word in words if word in _ROLES}
    if END not in roles and STAMP in roles and {"date", "time", "start", "datum"} & set(words):
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


def _is_mains(name: str) -> bool:
    """Whether a column's name speaks of the whole home.

    >>> [_is_mains(name) for name in ("use [kW]", "Global_active_power", "Fridge [kW]")]
    [True, True, False]
    """
    text = "_".join(_words(_BRACKETS.sub("", name)))
    text = re.sub(r"_(kwh?|wh?|per|in|hh|half|hour)\b", "", text.replace("_kwh", "").strip("_"))
    return _MAINS.fullmatch(text) is not None


def direction_of(name: str) -> int:
    """+1 for what a home takes from the grid, -1 for what it feeds in, 0 where unsaid.

    >>> [direction_of(name) for name in ("Import T1 kWh", "Returned energy Wh (A)", "use")]
    [1, -1, 0]
    """
    words = set(_words(name))
    return -1 if words & _EXPORT else 1 if words & _IMPORT else 0


def time_of_day(name: str) -> int | None:
    """Minutes of a column named by a time of day, or by a range of times (its start).

    >>> time_of_day("0:30"), time_of_day("23:45-00:00"), time_of_day("24:00"), time_of_day("12")
    (30, 1425, 1440, None)
    """
    match = _TIME_OF_DAY.fullmatch(re.split(r"\s*[-–]\s*", name.strip())[0])
    if match is None:
        return None
    minutes = int(match[1]) * 60 + int(match[2])
    return minutes if minutes <= 24 * 60 else None


def mains_names(names: Sequence[str]) -> list[str]:
    """Those that speak of the whole home; one that is ``mains`` to the letter is the only one."""
    exact = [name for name in names if plain_name(name) == MAINS]
    return exact or [name for name in names if _is_mains(name)]
