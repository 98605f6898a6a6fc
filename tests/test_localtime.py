"""One clock: wall-clock time and UTC, to and fro, in every zone whose clock was ever set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.localtime import WallClock, hour_of_week, local_days, local_time, wall_clock

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",  # winter is the change
    "America/New_York",
    "America/St_Johns",  # half-hour zone, changed at 00:01 until 2011
    "America/Santiago",  # changes at midnight
    "America/Caracas",  # half an hour for some years
    "Africa/Casablanca",  # four changes in some years
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Kathmandu",  # a quarter of an hour
    "Asia/Pyongyang",
    "Australia/Lord_Howe",  # by half an hour
    "Antarctica/Troll",  # by two hours
    "Pacific/Apia",  # skipped a day
    "Pacific/Kwajalein",  # skipped a day
)
PERIODS = (900, 1800, 3600, 86_400)
_FIRST, _LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
_DAY = 86_400


def changing_zones() -> list[str]:
    """Every zone of tzdata whose clock is set between 1990 and 2035; of those that are set alike,
    one."""
    alike = {}
    for name in sorted(available_timezones() - {"localtime", "posixrules", "Factory"}):
        if len(changes(name)):
            shown = [ZoneInfo(name).utcoffset(datetime(1990 + year, 1, 1)) for year in range(46)]
            alike[changes(name).tobytes(), tuple(shown)] = name
    return sorted(alike.values())


@cache
def changes(name: str) -> np.ndarray:
    """UTC instants (s) at which a zone's offset changes, as ``zoneinfo`` says."""
    zone = ZoneInfo(name)

    def offset(epoch: int) -> timedelta | None:
        return datetime.fromtimestamp(epoch, zone).utcoffset()

    instants = []
    for low in range(int(_FIRST.timestamp()), int(_LAST.timestamp()), _DAY):
        before, high = offset(low), low + _DAY
        if before == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == before else (low, middle)
        instants.append(high)
    return np.array(instants, np.int64)


def check_zone(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clock, instants = wall_clock(name), changes(name)
    some = rng.integers(int(_FIRST.timestamp()), int(_LAST.timestamp()), 50)
    around = np.concatenate([some, *(instants + by for by in (-7200, -1800, -1, 0, 1, 1799, 5400))])
    check_round_trip(clock, around)
    chosen = rng.choice(instants, min(3, len(instants)), replace=False) if len(instants) else some
    for change in (*chosen[:3], some[0]):
        for period_s in PERIODS:
            check_cells(clock, int(change), period_s)


def check_round_trip(clock: WallClock, epochs: np.ndarray) -> None:
    """The clock shows what ``zoneinfo`` shows, and each instant is one of those that it shows
    that time at."""
    zone, utc = ZoneInfo(clock.timezone), epochs.astype("datetime64[s]")
    wall = clock.to_wall(utc)
    shown = [datetime.fromtimestamp(e, zone) for e in epochs.tolist()]
    assert wall.tolist() == [stamp.replace(tzinfo=None) for stamp in shown]
    first, skipped, repeated = clock.to_utc(wall)
    assert not skipped.any()
    folds = np.array([stamp.fold for stamp in shown], bool)
    assert np.array_equal(np.where(folds, clock.second(wall), first), utc)
    assert repeated[folds].all()
    assert np.array_equal(repeated, clock.second(wall) != first)


def check_cells(clock: WallClock, change: int, period_s: int) -> None:
    """Around a change cells cover real time once and without a hole, and each second of it is in
    the cell that the clock shows then."""
    wall = int(clock.to_wall(np.datetime64(change, "s")).astype(np.int64))
    first = (wall - 2 * _DAY) // period_s
    start = np.datetime64(first * period_s, "s")
    cells = clock.cells(start, period_s, -(-4 * _DAY // period_s))
    real = cells.intervals()
    order = np.argsort(real.starts)
    assert np.array_equal(real.starts[order][1:], real.ends[order][:-1])
    lasting = (real.ends - real.starts).astype(np.int64)
    assert lasting.min() > 0
    total = (cells.ends[-1] - cells.starts[0]).astype(np.int64)
    assert lasting.sum() == cells.seconds.sum() == total
    assert np.array_equal(np.bincount(real.cell, lasting, len(cells)), cells.seconds)
    last_second = real.ends - np.timedelta64(1, "s")
    for instants in (real.starts, last_second):
        shown = clock.to_wall(instants).astype(np.int64) // period_s - first
        assert np.array_equal(shown, real.cell)
    for instants in (cells.starts, cells.last_starts, cells.ends):
        assert (np.diff(instants).astype(np.int64) >= 0).all()
    for at in (0, len(cells) // 2, len(cells) - 1):
        for time in (cells.last_starts[at], cells.last_starts[at] + np.timedelta64(1, "s")):
            expected = int(np.searchsorted(cells.last_starts, time))
            assert expected == len(cells) or clock.first_cell(start, period_s, time) == expected


@pytest.mark.parametrize("name", ZONES)
def test_a_clock_is_that_of_its_zone_and_cells_are_its_real_time(name: str) -> None:
    check_zone(name, 1)


@pytest.mark.full
def test_so_it_is_in_every_zone_whose_clock_was_set_since_1990() -> None:
    zones = changing_zones()
    assert len(zones) > 150
    for seed, name in enumerate(zones):
        check_zone(name, seed)


@settings(deadline=None)
@given(
    st.sampled_from(ZONES),
    st.integers(631_152_000, 2_082_758_400),
    st.lists(st.integers(1, 40_000_000_000), min_size=1, max_size=12),
)
def test_spans_are_split_where_the_clock_changes_and_stay_as_long(
    name: str, start: int, lasting: list[int]
) -> None:
    clock, near = wall_clock(name), changes(name)
    if len(near):  # half an hour before a change, whichever it is
        start = int(near[start % len(near)]) - 1800
    edges = start * 1_000_000 + np.cumsum([0, *lasting])
    span, begins, ends = clock.split(edges[:-1], edges[1:])
    rows = np.arange(len(lasting))[span]
    assert np.array_equal(np.bincount(rows, ends - begins, len(lasting)), lasting)
    assert (ends > begins).all()
    assert begins[0] == _shown(clock, edges[0])
    assert ends[-1] == _shown(clock, edges[-1] - 1) + 1


def _shown(clock: WallClock, us: int) -> int:
    whole, rest = divmod(int(us), 1_000_000)
    return int(clock.to_wall(np.datetime64(whole, "s")).astype(np.int64)) * 1_000_000 + rest


@given(st.lists(st.integers(0, 4_000_000_000), min_size=1, max_size=20), st.sampled_from(ZONES))
def test_hour_of_week_is_what_the_calendar_says(epochs: list[int], timezone: str) -> None:
    wall = local_time(np.array(epochs).astype("datetime64[s]"), timezone)
    local = [datetime.fromtimestamp(e, UTC).astimezone(ZoneInfo(timezone)) for e in epochs]
    assert hour_of_week(wall).tolist() == [t.weekday() * 24 + t.hour for t in local]
    assert local_days(wall).tolist() == [t.date() for t in local]


def test_a_skipped_hour_has_no_real_time_and_a_repeated_one_has_twice_as_much() -> None:
    def around(day: str) -> tuple[list[int], list[str]]:
        cells = wall_clock("Europe/Berlin").cells(np.datetime64(day), 3600, 4)
        return cells.seconds.tolist(), [str(time)[11:16] for time in cells.intervals().starts]

    assert around("2026-03-29") == ([3600, 3600, 0, 3600], ["23:00", "00:00", "01:00"])
    assert around("2026-10-25") == (
        [3600, 3600, 7200, 3600],
        ["22:00", "23:00", "00:00", "01:00", "02:00"],
    )
