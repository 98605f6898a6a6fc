"""Whether the timestamps of a file are ends of intervals, as the days that it has tell.

Meters that stamp ends write a day from 00:15 to 24:00, which is 0:00 of the next one.
"""

from __future__ import annotations

import re

import numpy as np

from smartwatts_ml.localtime import local_time
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.parsed import Parsed

__all__ = ["DayEnds"]

_DAY_S = 86_400
_STEPS_S = (900, 1800, 3600)
"""Of meters that are read for bills. Of finer ones it makes little difference."""
_OFFSET = re.compile(r".*(?:([+-])(\d\d):?(\d\d)?|Z)")


class DayEnds:
    """Sees a file go by: its first and last reading."""

    def __init__(self) -> None:
        self._span: tuple[int, int] | None = None
        self._is_open = True

    def see(self, rows: Parsed) -> None:
        """Rows of a block."""
        self._is_open &= rows.measure.quantity != "total" and not rows.measure.held
        first, last = int(rows.stamps.min()), int(rows.stamps.max())
        if self._span is not None:
            first, last = min(first, self._span[0]), max(last, self._span[1])
        self._span = first, last

    def are_shown(self, step_s: float, form: Interpretation) -> bool:
        """Whether it begins one interval (of ``step_s``) after midnight of its clock and ends at
        midnight, while nobody says what its timestamps are."""
        mapping = form.mapping
        if self._span is None or not self._is_open or step_s not in _STEPS_S:
            return False
        if mapping.until or mapping.by_time_of_day or mapping.hours or mapping.layout:
            return False
        if mapping.said.stamp_is is not None:
            return False
        local = _on_its_clock(np.array(self._span) // 1_000_000, form)
        return local is not None and local[0] % _DAY_S == step_s and local[1] % _DAY_S == 0


def _on_its_clock(utc: np.ndarray, form: Interpretation) -> np.ndarray | None:
    """Epoch seconds as the file's clock shows them; None where it has none."""
    stamps = form.stamps
    if stamps.is_epoch:
        return None
    if not stamps.zoned:
        return local_time(utc.astype("M8[s]"), form.timezone).astype(np.int64)
    offset = _OFFSET.fullmatch(stamps.sample)
    if offset is None:
        return None
    if offset[1] is None:
        return utc
    ahead = 3600 * int(offset[2]) + 60 * int(offset[3] or 0)
    return utc + (ahead if offset[1] == "+" else -ahead)
