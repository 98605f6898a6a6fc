"""Units as files write them: which are power or energy, and which are neither."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from smartwatts_ml.sources import UNITS, Unit

__all__ = ["Quantity", "Scale", "no_power", "scale_of", "unit_in_name", "unit_of"]

Quantity = Literal["power", "energy", "total"]

_SPELLINGS: dict[str, Unit] = {
    "watt": "W",
    "watts": "W",
    "wattage": "W",
    "kilowatt": "kW",
    "kilowatts": "kW",
    "watthour": "Wh",
    "watthours": "Wh",
    "kilowatthour": "kWh",
    "kilowatthours": "kWh",
    "kwhr": "kWh",
    "kwhrs": "kWh",
    "kwhs": "kWh",
    "whs": "Wh",
    "kwatt": "kW",
    "kwatts": "kW",
    "kilowattstunden": "kWh",
    "kilowattheures": "kWh",
    "kilowattuur": "kWh",
    "kilowattora": "kWh",
    **{unit.lower(): unit for unit in UNITS if unit != "mW"},
}
_NO_POWER = {
    "reactive energy": "kvarh varh kvar var mvarh kvah vah va kva mva reactive reactiva "
    "reactief réactive reattiva reaktiv blindleistung blindarbeit blindstrom loisteho apparent "
    "scheinleistung",
    "a voltage": "v volt volts voltage mv kv spannung spanning tension tensione leg1v leg2v vrms",
    "a current": "a ma amp amps ampere amperes intensity stromstärke irms",
    "gas, not electricity": "gas m3 m³ ccf therm therms gasverbrauch gaz metano",
    "water": "m3water wasser eau agua acqua vand vatten gal",
    "a temperature": "temperature temp °c °f c f temperatura temperatur température tout tin",
    "a price": "cost costs price prices eur usd gbp dkk sek nok ct cents amount kosten preis prix "
    "prijs pris kostnad precio costo coste importe prezzo tariff_price $ € £ p/kwh bill",
    "emissions": "co2 co2e carbon emissions",
    "no power": "% hz frequency factor pf cosphi humidity pressure rssi wifi weight soc angle "
    "windspeed cloudcover visibility dewpoint precipintensity precipprobability precipitation "
    "windbearing apparenttemperature summary icon latitude longitude postcode zip percent "
    "percentage capacity degree degrees hdd cdd radiation irradiance ghi dni dhi",
    "a maximum or a minimum": "max maximum maximal maximale maximaal máxima maxima massima maks "
    "spitzenlast spitzenleistung piekvermogen minimum minimal minimale mínima minima",
    "no reading of this meter": "forecast prognose prognosis predicted prediction budget baseline "
    "neighbors neighbours",
    "a total of a longer time": "today yesterday daily monthly yearly weekly heute gestern täglich "
    "monatlich jährlich",
}
_WEAK = {
    "a current": "current",
    "a battery": "battery batterie batteries charge discharge charged discharged",
    "no power": "wind",
    "water": "water",
}
"""Words that say so only where a name says no unit of power or energy."""
_OF_POWER = frozenset({"power", "consumption", "usage", "demand", "load"})
_SINGLE = frozenset("vacf")
"""Units that are phases as well, but for where they stand in brackets or by themselves."""
_WHY = {word: why for why, words in _NO_POWER.items() for word in words.split()}
_WHY_WEAK = {word: why for why, words in _WEAK.items() for word in words.split()}
_IN_BRACKETS = re.compile(r"[\[(]([^\])]*)[\])]")
_WATT_HOURS = re.compile(r"(kilo|mega)?[ _-]?watts?[ _-]*(?:hours?|hrs?)", re.IGNORECASE)
_EACH_HOUR = re.compile(r"\b([kM]?W)h ?/ ?(?:h|hour|std)\b", re.IGNORECASE)
_JOINED = re.compile(r"(?<=[a-z]{2})(?=(?:[Kk]W|MW|Kw)h?\b)|(?<=[a-z]{2})(?<![km])(?=Wh\b)")
"""Before a unit that stands at the end of another word."""
_WORD = re.compile(r"[^\W_]+|[°%$€£]\w?")
_TOTAL = frozenset(
    {"total", "cumulative", "counter", "reading", "zählerstand", "zaehlerstand", "stand", "index"}
    | {"meterstand", "totaal", "lifetime", "register", "lukema", "mätarställning", "målerstand"}
)


_PER_HOUR: dict[Unit, Unit] = {"Wh": "W", "kWh": "kW", "MWh": "MW"}


@dataclass(frozen=True)
class Scale:
    """A number times ``factor`` is W, Wh of an interval, or kWh of a meter's total."""

    quantity: Quantity
    factor: float


def scale_of(unit: Unit) -> Scale:
    """
    >>> scale_of("kW"), scale_of("Wh-counter")
    (Scale(quantity='power', factor=1000.0), Scale(quantity='total', factor=0.001))
    """
    prefix = {"m": 1e-3, "k": 1e3, "M": 1e6}.get(unit[0], 1.0)
    if unit.endswith("-counter"):
        return Scale("total", prefix / 1e3)
    return Scale("energy" if unit.endswith("h") else "power", prefix)


def unit_of(text: str) -> Unit | None:
    """A unit by itself, as a column of units has it; None where it is none of power or energy.

    >>> unit_of("KWH"), unit_of("kWh/hh"), unit_of("kWh/h"), unit_of("V")
    ('kWh', 'kWh', 'kW', None)
    """
    if text.strip() == "mW":  # which MW is not
        return "mW"
    plain, _, each = text.strip().lower().replace(" ", "").partition("/")
    unit = _SPELLINGS.get(plain)
    return _PER_HOUR.get(unit, unit) if unit and each in {"h", "hour"} else unit


def no_power(text: str) -> str | None:
    """What a unit or a name is about, where that is neither power nor energy.

    >>> no_power("kVArh"), no_power("Gas"), no_power("use [kW]")
    ('reactive energy', 'gas, not electricity', None)
    >>> no_power("Peak demand (kW)"), no_power("Off-peak usage (kWh)"), no_power("kWh per 15 min")
    ('a maximum or a minimum', None, None)
    """
    words = [word.lower() for word in _WORD.findall(text)]
    if _is_extreme(words):
        return "a maximum or a minimum"
    measured = unit_in_name(text) is not None
    alone = {text.strip().lower(), *(unit.strip().lower() for unit in _IN_BRACKETS.findall(text))}
    for word in words:
        if word in _WHY and (word not in _SINGLE or (word in alone and not measured)):
            return _WHY[word]
    if measured or _OF_POWER & set(words):
        return None
    return next((_WHY_WEAK[word] for word in words if word in _WHY_WEAK), None)


def _is_extreme(words: Sequence[str]) -> bool:
    """Whether words speak of the highest or the lowest power, by those that may mean a tariff or
    minutes as well."""
    of_power = bool({"demand", "power", "load", "w", "kw"} & set(words))
    peak = "peak" in words and not {"on", "off", "mid", "non", "usage", "kwh"} & set(words)
    return of_power and (peak or words[0] == "min")


def unit_in_name(name: str) -> Unit | None:
    """The unit that a column's name says.

    >>> [unit_in_name(name) for name in ("use [kW]", "KWH/hh (per half hour)", "USAGE_KWH")]
    ['kW', 'kWh', 'kWh']
    >>> unit_in_name("watt_hours"), unit_in_name("Usage in kilowatt-hours"), unit_in_name("P (mW)")
    ('Wh', 'kWh', 'mW')
    >>> unit_in_name("total_kwh"), unit_in_name("Total kWh reading")
    ('kWh-counter', 'kWh-counter')
    >>> unit_in_name("kWh/h"), unit_in_name("consumptionKwh"), unit_in_name("usagekWh")
    ('kW', 'kWh', 'kWh')
    """
    name = _EACH_HOUR.sub(r"\1", _JOINED.sub(" ", name))
    name = _WATT_HOURS.sub(lambda match: f" {(match[1] or '')[:1].lower()}Wh ", name)
    bracketed = [unit for text in _IN_BRACKETS.findall(name) if (unit := unit_of(text))]
    words = [word.lower() for word in _WORD.findall(name)]
    milli: list[Unit] = ["mW"] if "mW" in _WORD.findall(name) else []
    units = bracketed or milli or [_SPELLINGS[word] for word in words if word in _SPELLINGS]
    if not units:
        return None
    unit = units[0]
    if unit.endswith("h") and _TOTAL & set(words) and not {"usage", "use"} & set(words):
        return f"{unit}-counter"  # type: ignore[return-value]
    return unit
