"""Alerts as people read them: from when to when, how grave, how much energy, in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from smartwatts_ml.kinds.anomaly.injection import TYPES

if TYPE_CHECKING:
    import pandas as pd

    from smartwatts_ml.kinds.anomaly.predictor import Hours

__all__ = ["ALERT_COLUMNS", "alert_frame"]

ALERT_COLUMNS = ("device_id", "start", "end", "severity", "kind", "energy_kwh", "message")
SEVERITIES = ((1.5, "high"), (0.5, "medium"))
"""Nines of the oddest hour above the threshold, from which on it is that severe."""
HOUR = np.timedelta64(3600, "s")
STILL_HOURS = 4
STILL = 0.02
"""A meter is stuck if its last ``STILL_HOURS`` lie within this share of their mean."""


def alert_frame(device: str, found: Hours, threshold: float) -> pd.DataFrame:
    """A row for each alert. ``end`` is exclusive; ``energy_kwh`` is what its hours used above
    (below: negative) what is usual at those hours. ``threshold``: in nines."""
    import pandas as pd

    rows = []
    for number in range(1, int(found.alert.max(initial=0)) + 1):
        part = np.flatnonzero(found.alert == number)
        span = slice(part[0], part[-1] + 1)  # with the pauses in between
        watts, usual = found.watts[span], found.expected[span]
        kind = _kind(found, part, watts, usual)
        start, end = found.times[part[0]], found.times[part[-1]] + HOUR
        above = float(found.rarity[part].max()) - threshold
        severity = next((name for least, name in SEVERITIES if above >= least), "low")
        energy = float(np.sum(watts - usual)) / 1000
        message = SENTENCES[kind](watts, usual, start, end)
        rows.append((device, start, end, severity, kind, energy, message))
    frame = pd.DataFrame(rows, columns=list(ALERT_COLUMNS))
    for name in ("start", "end"):
        frame[name] = frame[name].astype("datetime64[s]")
    frame["energy_kwh"] = frame["energy_kwh"].astype(float)
    return frame


def _kind(found: Hours, part: np.ndarray, watts: np.ndarray, usual: np.ndarray) -> str:
    """The type it looks like most, among those that fit what the readings do. Where little
    happens, yet the readings move, it is a lull and no stuck meter."""
    likely = dict(zip(TYPES, found.likeness[part].mean(axis=0), strict=True))
    less = watts.sum() < usual.sum()
    if not _still(found.watts, part):
        likely["outage"] += likely.pop("stuck")
    for name in ("spike", "creep", "high") if less else ("outage",):
        del likely[name]
    return max(likely, key=lambda name: float(likely[name]))


def _still(watts: np.ndarray, part: np.ndarray) -> bool:
    """Whether the reading hardly moves at some time of the alert."""
    recent = np.arange(-STILL_HOURS + 1, 1) + part[part >= STILL_HOURS - 1, None]
    runs = watts[recent]
    return bool((np.ptp(runs, axis=1) <= STILL * np.abs(runs.mean(axis=1)) + 0.5).any())


def _power(watts: float) -> str:
    """
    >>> _power(431.7), _power(2345.0), _power(81_300.0)
    ('432 W', '2.3 kW', '81 kW')
    """
    if abs(watts) < 1000:
        return f"{watts:.0f} W"
    return f"{watts / 1000:.1f} kW" if abs(watts) < 10_000 else f"{watts / 1000:.0f} kW"


def _length(start: np.datetime64, end: np.datetime64) -> str:
    hours = int((end - start) / HOUR)
    return f"{hours} h" if hours < 48 else f"{hours / 24:.0f} days"


def _times_usual(watts: np.ndarray, usual: np.ndarray) -> str:
    return f"{_power(watts.mean())} where {_power(usual.mean())} is usual"


def _spike(watts: np.ndarray, usual: np.ndarray, start: np.datetime64, end: np.datetime64) -> str:
    top = int(np.argmax(watts - usual))
    return (
        f"up to {_power(watts[top])} where {_power(usual[top])} is usual, for "
        f"{_length(start, end)}: something large ran"
    )


def _outage(watts: np.ndarray, usual: np.ndarray, start: np.datetime64, end: np.datetime64) -> str:
    lowest = watts.min()
    cause = "the supply or the meter was off" if lowest < 1 else "much less runs than usual"
    return f"{_times_usual(watts, usual)}, for {_length(start, end)}: {cause}"


def _stuck(watts: np.ndarray, usual: np.ndarray, start: np.datetime64, end: np.datetime64) -> str:
    return f"the reading stays at {_power(float(np.median(watts)))}: the meter may be stuck"


def _creep(watts: np.ndarray, usual: np.ndarray, start: np.datetime64, end: np.datetime64) -> str:
    base, before = np.quantile(watts, 0.25), max(float(np.quantile(usual, 0.25)), 1.0)
    day = start.astype("datetime64[D]").item()
    more = f"{base / before - 1:.0%} above" if base > before else "no lower than"
    return (
        f"base load {more} the last four weeks since {day.day} {day:%B}: {_power(base)} where "
        f"{_power(before)} is usual; something stays on"
    )


def _shift(watts: np.ndarray, usual: np.ndarray, start: np.datetime64, end: np.datetime64) -> str:
    return f"the last day ran at other hours than usual: {_times_usual(watts, usual)} at this time"


def _high(watts: np.ndarray, usual: np.ndarray, start: np.datetime64, end: np.datetime64) -> str:
    share = watts.sum() / max(float(usual.sum()), 1.0)
    return (
        f"{_times_usual(watts, usual)} for {_length(start, end)}: {share:.1f} times the usual use"
    )


def _scale(watts: np.ndarray, usual: np.ndarray, start: np.datetime64, end: np.datetime64) -> str:
    return (
        f"{_times_usual(watts, usual)} for {_length(start, end)}: the readings look as if their "
        "unit or factor had changed"
    )


Sentence = Callable[[np.ndarray, np.ndarray, np.datetime64, np.datetime64], str]
SENTENCES: dict[str, Sentence] = {
    "spike": _spike,
    "outage": _outage,
    "stuck": _stuck,
    "creep": _creep,
    "shift": _shift,
    "high": _high,
    "scale": _scale,
}
