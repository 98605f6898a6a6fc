"""One sentence about an alert, in plain words, for each type that it may look like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from smartwatts_ml.kinds.anomaly.alert_window import HOUR, AlertWindow

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


def _length(window: AlertWindow) -> str:
    return _hours(int((window.end - window.start) / HOUR))


def _day(time: np.datetime64) -> str:
    """
    >>> _day(np.datetime64("2026-05-03T04"))
    '3 May'
    """
    day = time.astype("datetime64[D]").item()
    return f"{day.day} {day:%B}"


def _compared(window: AlertWindow) -> str:
    return f"{_power(window.power.mean())} where {_power(window.usual_power.mean())} is usual"


def _spike(window: AlertWindow) -> str:
    top = int(np.argmax(window.power - window.usual_power))
    return (
        f"up to {_power(window.power[top])} where {_power(window.usual_power[top])} is usual, for "
        f"{_length(window)}: something large ran"
    )


def _outage(window: AlertWindow) -> str:
    off = window.power.min() < 1
    cause = "the supply or the meter was off" if off else "much less runs than usual"
    return f"{_compared(window)}, for {_length(window)}: {cause}"


def _stuck(window: AlertWindow) -> str:
    stuck = window.stuck
    if stuck is None:
        return f"{_compared(window)}: the reading hardly moves"
    return (
        f"the reading stayed at {_power(stuck.watts)} for {_hours(stuck.hours)}: the meter may be "
        "stuck"
    )


def _creep(window: AlertWindow) -> str:
    base = window.base_load
    if base is None:
        return f"{_compared(window)}: something stays on"
    return (
        f"base load {base.rise:.0%} above the weeks before since {_day(base.since)}: "
        f"{_power(base.now)} where {_power(base.before)} is usual; something stays on"
    )


def _shift(window: AlertWindow) -> str:
    return f"the last day ran at other hours than usual: {_compared(window)} at this time"


def _high(window: AlertWindow) -> str:
    share = window.power.sum() / max(float(window.usual_power.sum()), 1.0)
    return f"{_compared(window)} for {_length(window)}: {share:.1f} times the usual use"


def _scale(window: AlertWindow) -> str:
    return (
        f"{_compared(window)} for {_length(window)}: the readings look as if their unit or factor "
        "had changed"
    )


SENTENCES: dict[str, Callable[[AlertWindow], str]] = {
    "spike": _spike,
    "outage": _outage,
    "stuck": _stuck,
    "creep": _creep,
    "shift": _shift,
    "high": _high,
    "scale": _scale,
}
