"""A site's days as a calendar: what to draw, half a year a picture, so that it fits a phone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smartwatts_ml.localtime import mondays
from smartwatts_ml.readings.quality.flags import WORDS
from smartwatts_ml.readings.quality.record import SiteQuality

__all__ = ["CELL", "Cell", "HalfYear", "calendar"]

CELL = 12
"""Pitch of the cells in the picture's units; a cell fills ten of them."""
_SQUARE = 10
_TOP = 14
"""Room above the cells for the names of months."""
_STEPS = (0.005, 0.5, 0.995)
"""Shares of a day at which the colour changes: nothing, less than half, most, whole."""
_WHOLE = len(_STEPS)
_HOUR = 1 / 24
"""Share of a day, the smallest that gets a large dot."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Cell:
    """One day that has something to tell: where it is, its colour (0 nothing … 3 whole
    day), its dot (0 none, 1 up to an hour in doubt, 2 more), and what it says when pointed
    at."""

    x: int
    y: int
    colour: int
    dot: int
    title: str


@dataclass(frozen=True)
class HalfYear:
    """One picture: columns are weeks from Monday on, rows weekdays. ``plain`` maps a colour
    to the SVG path of all days of that colour that have nothing to tell."""

    label: str
    width: int
    height: int
    months: tuple[tuple[int, str], ...]
    plain: dict[int, str]
    cells: tuple[Cell, ...]


def calendar(quality: SiteQuality) -> tuple[HalfYear, ...]:
    """The pictures of a site, in order."""
    days = quality.first_day + np.arange(len(quality.coverage))
    months = days.astype("datetime64[M]").astype(np.int64)
    halves = months // 6
    return tuple(
        _half_year(quality, days, np.flatnonzero(halves == half)) for half in np.unique(halves)
    )


def _half_year(quality: SiteQuality, days: np.ndarray, index: np.ndarray) -> HalfYear:
    shown = days[index]
    weeks = mondays(shown)
    column = (weeks - weeks[0]).astype(np.int64) // 7
    row = (shown - weeks).astype(np.int64)
    x, y = column * CELL, row * CELL + _TOP
    colour = np.searchsorted(_STEPS, quality.coverage[index], side="right")
    doubted = quality.doubted[index]
    dot = (doubted > 0).astype(int) + (doubted > _HOUR)
    plain = (quality.flags[index] == 0) & ((colour == 0) | (colour == _WHOLE))
    return HalfYear(
        label=f"{shown[0]} to {shown[-1]}",
        width=int(column[-1] + 1) * CELL,
        height=7 * CELL + _TOP,
        months=_months(shown, column),
        plain={
            int(step): "".join(
                f"M{a} {b}h{_SQUARE}v{_SQUARE}h-{_SQUARE}z"
                for a, b in zip(
                    x[plain & (colour == step)], y[plain & (colour == step)], strict=True
                )
            )
            for step in np.unique(colour[plain])
        },
        cells=tuple(
            Cell(
                int(x[at]),
                int(y[at]),
                int(colour[at]),
                int(dot[at]),
                _title(quality, int(index[at])),
            )
            for at in np.flatnonzero(~plain)
        ),
    )


def _months(shown: np.ndarray, column: np.ndarray) -> tuple[tuple[int, str], ...]:
    """Where each month's name goes; none for a month of which there are less than three
    columns, lest names run into each other."""
    months = shown.astype("datetime64[M]")
    places = []
    for month in np.unique(months):
        columns = column[months == month]
        if columns[-1] - columns[0] >= 2:
            places.append((int(columns[0]) * CELL, _MONTHS[int(month.astype(np.int64)) % 12]))
    return tuple(places)


def _title(quality: SiteQuality, day: int) -> str:
    parts = [f"{quality.date(day)}: {quality.coverage[day]:.0%} covered"]
    parts += [words for flag, words in WORDS.items() if quality.flags[day] & flag]
    return ", ".join(parts)
