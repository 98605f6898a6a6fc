"""One sentence about an alert, in plain words, for each type that it may look like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from smartwatts_ml.kinds.anomaly.alert_window import HOUR, Stretch

__all__ = ["SENTENCES"]


def _power(watts: float) -> str:
    """
    >>> _power(431.7), _power(2345.0), _power(81_300.0)
    ('432 W', '2.3 kW', '81 kW')
    """
    if abs(watts) < 1000:
        return f"{watts:.0f} W"
    return f"{watts / 1000:.1f} kW" if abs(watts) < 10_000 else f"{watts / 1000:.0f} kW"


def _hours(count: int) -> str:
    return f"{count} h" if count < 48 else f"{count / 24:.0f} days"


def _length(found: Stretch) -> str:
    return _hours(int((found.end - found.start) / HOUR))


def _day(time: np.datetime64) -> str:
    """
    >>> _day(np.datetime64("2026-05-03T04"))
    '3 May'
    """
    day = time.astype("datetime64[D]").item()
    return f"{day.day} {day:%B}"


def _compared(found: Stretch) -> str:
    return f"{_power(found.here.mean())} where {_power(found.usual_here.mean())} is usual"


def _spike(found: Stretch) -> str:
    top = int(np.argmax(found.here - found.usual_here))
    return (
        f"up to {_power(found.here[top])} where {_power(found.usual_here[top])} is usual, for "
        f"{_length(found)}: something large ran"
    )


def _outage(found: Stretch) -> str:
    off = found.here.min() < 1
    cause = "the supply or the meter was off" if off else "much less runs than usual"
    return f"{_compared(found)}, for {_length(found)}: {cause}"


def _stuck(found: Stretch) -> str:
    still = found.still
    if still is None:
        return f"{_compared(found)}: the reading hardly moves"
    return (
        f"the reading stayed at {_power(still.watts)} for {_hours(still.hours)}: the meter may be "
        "stuck"
    )


def _creep(found: Stretch) -> str:
    base = found.base
    if base is None:
        return f"{_compared(found)}: something stays on"
    return (
        f"base load {base.rise:.0%} above the weeks before since {_day(base.since)}: "
        f"{_power(base.now)} where {_power(base.before)} is usual; something stays on"
    )


def _shift(found: Stretch) -> str:
    return f"the last day ran at other hours than usual: {_compared(found)} at this time"


def _high(found: Stretch) -> str:
    share = found.here.sum() / max(float(found.usual_here.sum()), 1.0)
    return f"{_compared(found)} for {_length(found)}: {share:.1f} times the usual use"


def _scale(found: Stretch) -> str:
    return (
        f"{_compared(found)} for {_length(found)}: the readings look as if their unit or factor "
        "had changed"
    )


SENTENCES: dict[str, Callable[[Stretch], str]] = {
    "spike": _spike,
    "outage": _outage,
    "stuck": _stuck,
    "creep": _creep,
    "shift": _shift,
    "high": _high,
    "scale": _scale,
}
