"""Alerts as people read them: from when to when, how grave, how much energy, in one sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd

from smartwatts_ml.kinds.anomaly.alert_window import AlertWindow
from smartwatts_ml.kinds.anomaly.hours import ScoredHours
from smartwatts_ml.kinds.anomaly.layout import ALERT, TYPES
from smartwatts_ml.kinds.anomaly.sentences import SENTENCES

__all__ = ["alert_frame"]

_SEVERITIES = ((1.5, "high"), (0.5, "medium"))
"""Nines of the oddest hour above the threshold, from which on it is that severe."""
_MATTERS = 0.05
"""Share of a usual day's energy that has to be involved for more than medium, unless the
meter itself is in doubt."""
_OFF = 1.0  # W
_LEAST_RISE = 0.1
"""Of the base load: less is no creep."""


def alert_frame(device: str, hours: ScoredHours, threshold: float) -> pd.DataFrame:
    """A row for each alert. ``end`` is exclusive; ``energy_kwh`` is what its hours used above
    (below: negative) what is usual at those hours. ``threshold``: in nines. Nothing in a row
    rests on a reading after its end."""
    rows = []
    for number in range(1, int(hours.alert.max(initial=0)) + 1):
        part = np.flatnonzero(hours.alert == number)
        first, until = int(part[0]), slice(part[-1] + 1)
        window = AlertWindow(
            hours.cells.wall[until],
            hours.cells.seconds[until] / 3600,
            hours.watts[until],
            hours.expected[until],
            first,
        )
        start, end = hours.cells.starts[first], hours.cells.ends[part[-1]]
        kind = _kind(hours.likeness[part], window)
        severity = _severity(float(hours.rarity[part].max()) - threshold, window)
        message = SENTENCES[kind](window)
        rows.append((device, start, end, severity, kind, window.energy_kwh, message))
    frame = pd.DataFrame(rows, columns=list(ALERT))
    for name in ("start", "end"):
        frame[name] = frame[name].astype("datetime64[s]")
    frame["energy_kwh"] = frame["energy_kwh"].astype(float)
    return frame


def _kind(likeness: np.ndarray, window: AlertWindow) -> str:
    """The type it looks like most, among those that fit what the readings do. Where little
    happens, yet the readings move, it is a lull and no stuck meter; nothing at all is an
    outage, whatever else it looks like."""
    if window.energy_kwh < 0 and float(np.abs(window.power).max()) < _OFF:
        return "outage"
    likely = dict(zip(TYPES, likeness.mean(axis=0), strict=True))
    if window.stuck is None:
        likely["outage"] += likely.pop("stuck")
    unfit = ("spike", "creep", "high") if window.energy_kwh < 0 else ("outage",)
    for name in unfit:
        del likely[name]
    if window.base_load is not None and window.base_load.rise < _LEAST_RISE:
        likely.pop("creep", None)
    return max(likely, key=lambda name: float(likely[name]))


def _severity(above: float, window: AlertWindow) -> str:
    """By the nines that the oddest hour lies above the threshold, and by what is at stake."""
    severity = next((name for least, name in _SEVERITIES if above >= least), "low")
    day = 0.024 * float(np.abs(window.usual[-24:]).mean())
    in_doubt = window.stuck is not None or float(window.power.min()) < _OFF
    small = abs(window.energy_kwh) < _MATTERS * day and not in_doubt
    return "medium" if severity == "high" and small else severity
