"""``make docs``: gateway/clock.csv, the cases that a gateway's ring buffer of local hours can be
tried with, and the worked table in gateway/README.md."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from smartwatts_ml.localtime import WallCells, hour_of_week, wall_clock
from smartwatts_ml.readings.resample import MICRO, DeviceReadings, to_grid

__all__ = ["PAGE", "VECTORS", "page", "vectors"]

_GATEWAY = Path(__file__).resolve().parent.parent / "gateway"
PAGE, VECTORS = _GATEWAY / "README.md", _GATEWAY / "clock.csv"
_HEAD = "case,timezone,row,local,utc,seconds,watts,hour_of_week"
_CASES = (
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/St_Johns", "2026-03-08T05:30"),
    ("America/St_Johns", "2026-11-01T04:30"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("America/Santiago", "2026-04-05T03:00"),
    ("America/Santiago", "2026-09-06T04:00"),
    ("Africa/Casablanca", "2026-02-15T02:00"),
    ("Africa/Casablanca", "2026-03-22T02:00"),
    ("Antarctica/Troll", "2026-03-29T01:00"),
    ("Antarctica/Troll", "2026-10-25T01:00"),
    ("Asia/Kolkata", "2026-03-29T01:00"),
)
"""Zones, and UTC instants at which their clocks change."""
_UNEVEN_CASES = (
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
)
"""Likewise; readings reach across full hours and the change, and some are missing."""
_PERIOD_S, _HOUR_S = 1800, 3600
_UNEVEN_S, _MISSING = 2700, (1, 3, 6)
_AROUND_S = 4 * _HOUR_S
_COLUMNS = ("wall clock", "UTC", "W of each half hour", "hour of the week", "in the ring")
_TABLE = re.compile(
    rf"(?:### [^\n]+\n\n\| {re.escape(_COLUMNS[0])} \|(?:[^\n]*\|\n)+\n?)+", re.MULTILINE
)


def vectors() -> str:
    """The whole file: readings, what the ring holds of them, and the real time of each hour."""
    lines = [_HEAD]
    for zone, change, uneven in [
        *((*case, "") for case in _CASES),
        *((*case, " uneven") for case in _UNEVEN_CASES),
    ]:
        name, period_s = f"{zone} {change[:10]}{uneven}", _UNEVEN_S if uneven else _PERIOD_S
        starts, watts = _readings(np.datetime64(change, "s"), period_s)
        if uneven:
            starts, watts = np.delete(starts, _MISSING), np.delete(watts, _MISSING)
        lines += [
            f"{name},{zone},reading,,{_stamp(start)},{period_s},{value:g},"
            for start, value in zip(starts, watts, strict=True)
        ]
        cells, means = _ring(zone, starts, watts, period_s)
        of_week = hour_of_week(cells.wall)
        lines += [
            f"{name},{zone},hour,{_local(wall)},{_stamp(end)},{seconds},{_watts(mean)},{hour}"
            for wall, end, seconds, mean, hour in zip(
                cells.wall, cells.ends, cells.seconds, means, of_week, strict=True
            )
        ]
        real = cells.intervals()
        lines += [
            f"{name},{zone},real,{_local(cells.wall[cell])},{_stamp(start)},"
            f"{int((end - start).astype(np.int64))},,"
            for cell, start, end in zip(real.cell, real.starts, real.ends, strict=True)
        ]
    return "\n".join([*lines, ""])


def page() -> str:
    """The gateway's page with the table as it has to be."""
    tables = "\n".join(_table(title, change) for title, change in (
        ("The clock goes forward: Berlin, 29 March 2026", "2026-03-29T01:00"),
        ("The clock goes back: Berlin, 25 October 2026", "2026-10-25T01:00"),
    ))  # fmt: skip
    return _TABLE.sub(lambda _: f"{tables}\n", PAGE.read_text(), count=1)


def _readings(change: np.datetime64, period_s: int = _PERIOD_S) -> tuple[np.ndarray, np.ndarray]:
    """Readings around a change: UTC starts, and W that grow by 10."""
    count = 2 * _AROUND_S // period_s
    starts = change + (np.arange(count) * period_s - _AROUND_S).astype("timedelta64[s]")
    return starts, 100 + 10 * np.arange(count, dtype=np.float32)


def _ring(
    zone: str, starts: np.ndarray, watts: np.ndarray, period_s: int = _PERIOD_S
) -> tuple[WallCells, np.ndarray]:
    """The hours of the wall clock from the first reading to the last, and their mean W."""
    lengths = np.full(len(starts), period_s * MICRO)
    readings = DeviceReadings(starts.astype(np.int64) * MICRO, watts, lengths=lengths)
    clock = wall_clock(zone)
    first, values, _ = to_grid({"mains": readings}, _HOUR_S, clock)
    means = values["mains"]
    cells = clock.cells(np.datetime64(first, "s"), _HOUR_S, len(means))
    end = starts[-1] + np.timedelta64(period_s, "s")
    whole = np.flatnonzero((cells.starts >= starts[0]) & (cells.ends <= end))
    return cells.take(whole), means[whole]


def _table(title: str, change: str) -> str:
    starts, watts = _readings(np.datetime64(change, "s"))
    rows = _rows("Europe/Berlin", starts, watts)
    lines = [f"| {' | '.join(cells)} |" for cells in (_COLUMNS, ["---"] * len(_COLUMNS), *rows)]
    return "\n".join([f"### {title}", "", *lines, ""])


def _rows(zone: str, starts: np.ndarray, watts: np.ndarray) -> Iterator[tuple[str, ...]]:
    """An hour of the wall clock each, two before the change to two after it."""
    cells, means = _ring(zone, starts, watts)
    middle = int(np.flatnonzero(cells.seconds != _HOUR_S)[0])
    near = np.arange(middle - 2, middle + 3)
    real = cells.take(near).intervals()
    for row, at in enumerate(near):
        parts = [(s, e) for c, s, e in zip(real.cell, real.starts, real.ends, strict=True)
                 if c == row]  # fmt: skip
        inside = np.any([(starts >= s) & (starts < e) for s, e in parts] or [starts < starts[0]], 0)
        hours = " and ".join(f"{str(s)[11:16]}–{str(e)[11:16]}" for s, e in parts)
        mean = "NaN" if np.isnan(means[at]) else f"{means[at]:g}"
        wall, hour = str(cells.wall[at])[11:16], int(hour_of_week(cells.wall[at]))
        shown = ", ".join(f"{value:g}" for value in watts[inside])
        yield wall, hours or "never", shown or "none", str(hour), mean


def _stamp(time: np.datetime64) -> str:
    return f"{time}Z"


def _local(time: np.datetime64) -> str:
    return str(time)[:16]


def _watts(mean: float) -> str:
    return "" if np.isnan(mean) else f"{mean:.9g}"


if __name__ == "__main__":
    VECTORS.write_text(vectors())
    sys.exit(not PAGE.write_text(page()))
