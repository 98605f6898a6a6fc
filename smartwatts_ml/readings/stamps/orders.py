"""Which of a date's numbers is the day, the month, the year: told by all that a file has.

A number beyond 12 is no month, and readings run on over midnight. What neither tells is not
guessed at.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from smartwatts_ml.readings.stamps.grammar import grammar_of
from smartwatts_ml.readings.stamps.shapes import Shape

__all__ = ["DateColumn", "order_of"]

_HALF_A_DAY = timedelta(hours=12)
_STRAY = 100
"""A date is a slip, and says nothing of the order, where so many others say the contrary."""
_EARLIEST_YEAR = 2005
"""Of years of two digits: nobody metered homes before."""
_A_MONTH, _A_YEAR = 31, 300
"""Days between one date and the next."""
_Instants = Sequence[datetime | None]


@dataclass(frozen=True)
class DateColumn:
    """``texts``: of the rows of a sample, in order; other columns of the file have the same
    rows."""

    shape: Shape
    texts: Sequence[str]

    def instants(self, order: str) -> _Instants:
        """What they are in an order; None where no calendar has that."""
        grammar = grammar_of(self.shape[order])
        assert grammar is not None
        return [grammar.instant(text) for text in self.texts]


def order_of(column: DateColumn, beside: Sequence[DateColumn] = ()) -> str | None:
    """The order of a column's dates, heeding those of other columns of the file; None where
    nothing tells."""
    if len(column.shape) == 1:
        return next(iter(column.shape))
    columns = [column, *(c for c in beside if c.shape.keys() == column.shape.keys())]
    seen = {order: [c.instants(order) for c in columns] for order in column.shape}
    left = _possible(seen)
    if len(left) > 1:
        left = _without_far_years(left, column.shape)
    if len(left) > 1:
        left = _running_on(left)
    return next(iter(left)) if len(left) == 1 else None


def _possible(seen: dict[str, list[_Instants]]) -> dict[str, list[_Instants]]:
    """Orders in which calendars have (almost) all of the dates."""
    dates = {order: [x for column in lists for x in column] for order, lists in seen.items()}
    of_any = [any(x is not None for x in row) for row in zip(*dates.values(), strict=False)]
    misses = {
        order: sum(ok and x is None for ok, x in zip(of_any, instants, strict=False))
        for order, instants in dates.items()
    }
    best = min(misses.values())
    return {order: seen[order] for order in seen if misses[order] <= best * _STRAY}


def _without_far_years(
    seen: dict[str, list[_Instants]], shape: Shape
) -> dict[str, list[_Instants]]:
    """Of years of two digits: less the orders in which readings lie a year apart, or in years
    that cannot be."""
    if not any("%y" in form for form in shape.values()):
        return seen
    steps = {order: _usual_step(instants[0]) for order, instants in seen.items()}
    near = any(step is not None and step <= _A_MONTH for step in steps.values())
    latest = date.today().year + 1
    left = {}
    for order, instants in seen.items():
        years = [x.year for x in instants[0] if x is not None]
        step = steps[order]
        leaps = near and step is not None and step >= _A_YEAR
        if years and _EARLIEST_YEAR <= median(years) <= latest and not leaps:
            left[order] = instants
    return left


def _usual_step(instants: _Instants) -> float | None:
    """Days from one date to the next one, where it changes."""
    dates = [x.date() for x in instants if x is not None]
    steps = [abs((b - a).days) for a, b in itertools.pairwise(dates) if a != b]
    return median(steps) if steps else None


def _running_on(seen: dict[str, list[_Instants]]) -> dict[str, list[_Instants]]:
    """The order in which the date changes within half a day, from row to row or from start to
    end. Dates further apart tell nothing: is it one a day, or one a month?"""
    counts = {order: _changes(per_column) for order, per_column in seen.items()}
    most = max(counts.values())
    return {order: seen[order] for order in seen if counts[order] * _STRAY >= most}


def _changes(per_column: Sequence[_Instants]) -> int:
    down = (pair for instants in per_column for pair in itertools.pairwise(instants))
    across = (pair for a, b in itertools.pairwise(per_column) for pair in zip(a, b, strict=True))
    return sum(
        x is not None and y is not None and x.date() != y.date() and abs(x - y) < _HALF_A_DAY
        for x, y in itertools.chain(down, across)
    )
