"""A beacon: what one gateway says of one model, in one line. No reading is in it.

>>> said = {"gateway": "g7", "model": "nilm", "version": "3", "time": "2026-11-02T06:00:00Z"}
>>> beacon = read_beacon(said)
>>> beacon.gateway, beacon.version, beacon.loaded
('g7', 3, True)
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from smartwatts_ml.names import is_model
from smartwatts_ml.printable import printable
from smartwatts_ml.records.lines import UnfitError

__all__ = ["FIELDS", "NEEDED", "Beacon", "read_beacon"]

_GATEWAY = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
_MOST_COUNT = 10**9
_MOST_SUM = 1e15
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_YES_NO = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Beacon:
    """``time``: the end of the ``hours`` that it tells of, UTC. ``serial``: that of the model's
    role, 0 where it is not known. ``loaded``: whether the file could be opened. ``runs`` and
    ``failures`` count calls, ``latency_ms`` is their median. ``error`` over ``scale``, two sums,
    is the model's loss at home, lower being better: forecasts that came due, |forecast − measured|
    and |measured|, W; alerts, those that somebody dismissed and hours scored. NaN where it was not
    measured, as of NILM. ``trouble``: why something failed."""

    gateway: str
    model: str
    version: int
    time: datetime
    serial: int = 0
    hours: float = math.nan
    runtime: str = ""
    loaded: bool = True
    runs: int = 0
    failures: int = 0
    latency_ms: float = math.nan
    error: float = math.nan
    scale: float = math.nan
    alerts: int = 0
    trouble: str = ""


def read_beacon(said: Mapping[str, Any]) -> Beacon:
    """The beacon that fields of a line make. Fields that are not known are passed over: a newer
    gateway may say more. Raises UnfitError."""
    fields = {name: read(said[name], name) for name, read in FIELDS.items() if name in said}
    beacon = Beacon(**fields)
    if beacon.failures > beacon.runs and beacon.loaded:
        raise UnfitError("failures: more than runs")
    if ("error" in fields) != ("scale" in fields):
        raise UnfitError("error and scale: one without the other")
    return beacon


def _gateway(value: Any, name: str) -> str:
    if not isinstance(value, str) or not _GATEWAY.fullmatch(value):
        raise UnfitError(f"{name}: not 1 to 128 of A-Z, a-z, 0-9 and ._:@-")
    return value


def _model(value: Any, name: str) -> str:
    if not isinstance(value, str) or not is_model(value):
        raise UnfitError(f"{name}: not a model's name")
    return value


def _count(least: int) -> Callable[[Any, str], int]:
    def read(value: Any, name: str) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 11:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise UnfitError(f"{name}: not a whole number")
        if not least <= value <= _MOST_COUNT:
            raise UnfitError(f"{name}: not from {least} to {_MOST_COUNT:,}")
        return value

    return read


def _number(most: float) -> Callable[[Any, str], float]:
    def read(value: Any, name: str) -> float:
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise UnfitError(f"{name}: not a number") from None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UnfitError(f"{name}: not a number")
        if not 0 <= value <= most:
            raise UnfitError(f"{name}: not from 0 to {most:g}")
        return float(value)

    return read


def _flag(value: Any, name: str) -> bool:
    known = value if isinstance(value, bool) else _YES_NO.get(str(value).lower())
    if known is None:
        raise UnfitError(f"{name}: neither true nor false")
    return known


def _text(most: int) -> Callable[[Any, str], str]:
    def read(value: Any, name: str) -> str:
        if not isinstance(value, str) or len(value) > most:
            raise UnfitError(f"{name}: not a text of at most {most} letters")
        return printable(value).replace("\n", " ")

    return read


def _time(value: Any, name: str) -> datetime:
    try:
        time = datetime.fromisoformat(value)
        utc = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise UnfitError(f"{name}: not like 2026-11-02T06:00:00Z") from None
    if utc < _FIRST:
        raise UnfitError(f"{name}: before {_FIRST:%Y}")
    return utc


FIELDS: Mapping[str, Callable[[Any, str], Any]] = {
    "gateway": _gateway,
    "model": _model,
    "version": _count(1),
    "time": _time,
    "serial": _count(0),
    "hours": _number(24 * 366),
    "runtime": _text(80),
    "loaded": _flag,
    "runs": _count(0),
    "failures": _count(0),
    "latency_ms": _number(1e7),
    "error": _number(_MOST_SUM),
    "scale": _number(_MOST_SUM),
    "alerts": _count(0),
    "trouble": _text(200),
}
"""How each field of a beacon is read."""
NEEDED = frozenset({"gateway", "model", "version", "time"})
"""Those that each of them has."""
