"""Files that have one of two hours of the same name alone: where they belong is told by what is
next to it, by other files and by what the table has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from smartwatts_ml.readings.ingest.fold_order import FIRST, SECOND, UNTOLD
from smartwatts_ml.readings.ingest.spill import Rows
from smartwatts_ml.readings.ingest.staged import KnownRows, Staged
from smartwatts_ml.readings.resample import HOUR_US

__all__ = ["LoneHour", "place_lone"]


@dataclass(frozen=True)
class LoneHour:
    """Rows of one device and file, by their places, that are one of two hours: ``stamps`` (µs) are
    of the first, the second is ``later``. ``counted``: they are a meter's totals. ``beside``:
    which it is by what is next to it in its file; None where nothing is."""

    file: int
    device: int
    rows: np.ndarray
    stamps: np.ndarray
    later: int
    counted: bool
    beside: int | None

    @property
    def first(self) -> int:
        return int(self.stamps.min())

    @property
    def last(self) -> int:
        return int(self.stamps.max())


def place_lone(
    lone: Sequence[LoneHour], rows: Rows, stamps: np.ndarray, untold: np.ndarray, staged: Staged
) -> None:
    """Put ``stamps`` (in place) where each hour belongs, and mark as ``untold`` what could be
    either or has no place left."""
    waiting = np.zeros(len(rows), bool)
    for hour in lone:
        waiting[hour.rows] = True
    for device, of_device in groupby(sorted(lone, key=_by_device), key=lambda hour: hour.device):
        others = np.flatnonzero((rows.devices == device) & ~waiting & ~untold)
        for hours in _meeting(list(of_device)):
            known = _known(hours, others, rows, stamps, staged)
            for hour, second in _places(hours, known, rows, staged):
                if second is None:
                    untold[hour.rows] = True
                elif second:
                    stamps[hour.rows] += hour.later


def _by_device(hour: LoneHour) -> tuple[int, int]:
    return hour.device, hour.first


def _meeting(hours: list[LoneHour]) -> Iterator[list[LoneHour]]:
    """Those of the same repeated hour together."""
    together: list[LoneHour] = []
    for hour in hours:
        if together and hour.first - together[0].first > hour.later:
            yield together
            together = []
        together.append(hour)
    yield together


def _known(
    hours: Sequence[LoneHour], others: np.ndarray, rows: Rows, stamps: np.ndarray, staged: Staged
) -> KnownRows:
    """What there is of the device around the two hours, in other files and in the table."""
    reach = max(HOUR_US, hours[0].later)
    first = min(hour.first for hour in hours) - reach
    last = max(hour.last for hour in hours) + hours[0].later + reach
    others = others[(stamps[others] >= first) & (stamps[others] <= last)]
    arrivals = staged.arrivals[staged.files(rows.take(others))]
    totals = rows.values[others] if hours[0].counted else np.full(len(others), np.nan)
    staged_ones = KnownRows(stamps[others], arrivals, totals)
    return staged_ones.joined(staged.known(int(staged.wholes[hours[0].device]), first, last))


def _places(
    hours: Sequence[LoneHour], known: KnownRows, rows: Rows, staged: Staged
) -> Iterator[tuple[LoneHour, bool | None]]:
    """Whether each is the second hour; None where nothing tells."""
    direction = _direction(hours, known, staged)
    if all(hour.counted for hour in hours):  # whatever the order, a total grows
        ordered = sorted(hours, key=lambda hour: float(rows.values[hour.rows].min()))
        direction = 1
    else:
        ordered = sorted(hours, key=lambda hour: int(staged.arrivals[hour.file]))
    for hour in sorted(ordered, key=lambda hour: hour.beside is None):
        values = rows.values[hour.rows]
        second = _place(hour, known, values, _twins(hour, hours), direction)
        if second is not None:
            at = hour.stamps + hour.later * second
            arrivals = np.full(len(at), staged.arrivals[hour.file])
            totals = values if hour.counted else np.full(len(at), np.nan)
            known = known.joined(KnownRows(at, arrivals, totals))
        yield hour, second


def _twins(hour: LoneHour, hours: Sequence[LoneHour]) -> bool:
    """Whether another file has the same stamps."""
    return any(other is not hour and np.isin(hour.stamps, other.stamps).any() for other in hours)


def _place(
    hour: LoneHour, known: KnownRows, values: np.ndarray, twins: bool, direction: int
) -> bool | None:
    """Where one hour belongs: after what is before it, before what is after it, in the order in
    which files came; not where there is something already."""
    reach = max(HOUR_US, hour.later)
    follows = known.any_between(hour.first - reach, hour.first - 1)
    leads = known.any_between(hour.last + hour.later + 1, hour.last + hour.later + reach)
    open_places = [
        place
        for place in (FIRST, SECOND)
        if not np.isin(hour.stamps + hour.later * place, known.stamps).any()
    ]
    if hour.beside == UNTOLD:
        return None
    if hour.beside is not None:
        near = leads if hour.beside == FIRST else follows
        other = SECOND - hour.beside
        return bool(hour.beside) if twins or not near or other not in open_places else None
    if len(open_places) == 2 and twins and not direction:
        return None
    if len(open_places) == 2 and not twins and follows == leads:
        return None
    second_first = direction < 0 if twins else leads
    fitting = [
        place
        for place in open_places
        if not hour.counted or known.is_rising(hour.stamps + hour.later * place, values)
    ]
    if not fitting:
        return None
    return bool(fitting[-1] if second_first else fitting[0])


def _direction(hours: Sequence[LoneHour], known: KnownRows, staged: Staged) -> int:
    """1 where files came in the order of time, -1 in the reverse, 0 where that is not clear: by
    those before and after the two hours, of which there has to be one."""
    first, last = min(hour.first for hour in hours), max(hour.last for hour in hours)
    before = known.arrival_before(first)
    after = known.arrival_after(last + hours[0].later)
    arrivals = staged.arrivals[[hour.file for hour in hours]]
    if before == after:
        return 0 if before is None else 1
    upwards = (before is None or bool(np.all(arrivals > before))) and (
        after is None or bool(np.all(arrivals < after))
    )
    downwards = (before is None or bool(np.all(arrivals < before))) and (
        after is None or bool(np.all(arrivals > after))
    )
    return 1 if upwards else -1 if downwards else 0
