"""Resampling keeps energy, and does not care how readings were handed over."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.localtime import wall_clock
from smartwatts_ml.readings.device_rows import DeviceRows
from smartwatts_ml.readings.resample import (
    MICRO,
    DeviceReadings,
    resample,
    to_grid,
)
from smartwatts_ml.readings.spacing import native_interval
from tests.readings.spacings import any_stamps, lasting

MINUTE = 60 * MICRO
HOUR = 3600 * MICRO
_MOST_CELLS = 300


def device(stamps: list[int], values: list[float] | np.ndarray | None = None) -> DeviceReadings:
    made = np.arange(len(stamps)) if values is None else values
    return DeviceRows(np.array(stamps, np.int64), np.asarray(made, np.float32)).readings()


@st.composite
def any_readings(draw: st.DrawFn) -> DeviceReadings:
    """Readings of any spacings, with jitter and holes."""
    stamps = draw(any_stamps())
    powers = st.floats(-5000, 5000, width=32)
    return device(list(stamps), draw(st.lists(powers, min_size=len(stamps), max_size=len(stamps))))


@settings(deadline=None)
@given(any_readings(), st.sampled_from([60, 300, 900, 3600]))
def test_energy_in_is_energy_out(readings: DeviceReadings, period_s: int) -> None:
    period = period_s * MICRO
    length = np.array(lasting(readings.stamps.tolist()))
    first = int(readings.stamps[0]) // period
    last = min(int(readings.stamps[-1] + length[-1]) // period, first + _MOST_CELLS)
    energy = 0.0
    means, _ = resample(readings, first * period, period, last - first + 1)
    for cell, mean in enumerate(means):
        begin = (first + cell) * period
        overlap = np.minimum(readings.stamps + length, begin + period) - np.maximum(
            readings.stamps, begin
        )
        overlap = np.maximum(overlap, 0)
        if overlap.sum() * 2 < period:
            assert np.isnan(mean)
        else:
            expected = (overlap * readings.values.astype(float)).sum() / overlap.sum()
            assert mean == pytest.approx(expected, rel=1e-5, abs=1e-3)
            energy += expected * overlap.sum()
    if not np.isnan(means).any() and last < first + _MOST_CELLS:
        whole = (length * readings.values.astype(float)).sum()
        assert energy == pytest.approx(whole, rel=1e-9, abs=1e-3)


@given(any_readings(), st.randoms())
def test_order_and_duplicates_make_no_difference(
    readings: DeviceReadings, chance: random.Random
) -> None:
    picks = list(range(len(readings.stamps))) + chance.choices(range(len(readings.stamps)), k=5)
    chance.shuffle(picks)
    again = DeviceRows(readings.stamps[picks], readings.values[picks]).readings()
    assert np.array_equal(again.stamps, readings.stamps)
    assert np.array_equal(again.values, readings.values)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 99)), min_size=1, max_size=30))
def test_of_one_stamp_the_last_arrival_counts(pairs: list[tuple[int, int]]) -> None:
    stamps, values = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    expected = dict(pairs)
    made = DeviceRows(stamps, values.astype(np.float32)).readings()
    assert dict(zip(made.stamps.tolist(), made.values.tolist(), strict=True)) == expected
    backwards = DeviceRows(
        stamps[::-1], values[::-1].astype(np.float32), arrival=np.arange(len(pairs))[::-1]
    ).readings()
    assert np.array_equal(backwards.values, made.values)


@given(any_readings(), st.integers(1, 79), st.sampled_from([60, 3600]))
def test_a_grid_of_a_part_agrees_with_the_whole(
    readings: DeviceReadings, cut: int, period_s: int
) -> None:
    period = period_s * MICRO
    first = int(readings.stamps[0]) // period
    count = int(readings.stamps[-1]) // period - first + 3
    whole, _ = resample(readings, first * period, period, count)
    at = min(cut, count)
    head, _ = resample(readings, first * period, period, at)
    tail, _ = resample(readings, (first + at) * period, period, count - at)
    assert np.array_equal(np.concatenate([head, tail]), whole, equal_nan=True)


def test_hourly_means_of_minutes_are_plain_means_whatever_is_missing() -> None:
    kept = [minute for minute in range(120) if minute not in (3, 4, 60, 61, 119)]
    values = np.array([minute**1.5 for minute in kept], np.float32)
    _, channels, _ = to_grid({"mains": device([m * MINUTE for m in kept], values)}, 3600)
    first = np.array(kept) < 60
    expected = [values[first].mean(dtype=float), values[~first].mean(dtype=float)]
    assert channels["mains"] == pytest.approx(np.array(expected, np.float32))


def test_zeros_stay_zeros() -> None:
    made = device([i * MINUTE for i in range(600)], np.where(np.arange(600) % 120 < 60, 0, 777.7))
    _, channels, _ = to_grid({"mains": made}, 3600)
    assert set(channels["mains"][::2]) == {0.0}


def test_an_interval_needs_half_of_its_time() -> None:
    half = device([m * MINUTE for m in (*range(30), *range(60, 89))], np.ones(59))
    _, channels, _ = to_grid({"mains": half}, 3600)
    assert channels["mains"][0] == 1.0
    assert len(channels["mains"]) == 2
    assert np.isnan(channels["mains"][1])


def test_the_grid_is_aligned_to_the_epoch_and_shared() -> None:
    kettle = device([90 * MINUTE, 91 * MINUTE, 92 * MINUTE])
    mains = device([m * MINUTE for m in range(61, 200)])
    start, channels, _ = to_grid({"mains": mains, "kettle": kettle}, 1800)
    assert start == 3600
    assert {len(values) for values in channels.values()} == {5}
    assert np.isnan(channels["kettle"][0])


@pytest.mark.parametrize(("native_s", "fits"), [(60, True), (65, True), (67, False)])
def test_a_grid_may_be_a_tenth_finer_than_the_readings(native_s: int, fits: bool) -> None:
    made = device([i * native_s * MICRO for i in range(100)])
    assert bool(to_grid({"mains": made}, 60)[1]) is fits


def test_a_label_marks_every_interval_it_touches() -> None:
    labels = np.array([np.nan, 0, 1, 0, 0, 1], np.float32)
    made = DeviceReadings(np.arange(6) * 30 * MINUTE, np.ones(6, np.float32), labels)
    _, _, found = to_grid({"mains": made}, 3600)
    assert found["mains"].tolist() == [0, 1, 1]
    assert found["mains"].dtype == np.uint8


def test_without_labels_there_are_none() -> None:
    stamps, values = np.arange(6) * MINUTE, np.ones(6, np.float32)
    made = DeviceRows(stamps, values, np.full(6, np.nan, np.float32)).readings()
    assert to_grid({"mains": made}, 60)[2] == {}


def test_the_native_interval_is_the_most_common_one() -> None:
    assert native_interval(np.array([0, 6, 12, 19, 25, 100])) == 6
    assert native_interval(np.array([5])) == 0


def test_a_spacing_that_changes_loses_no_hour() -> None:
    hours, quarters = np.arange(20) * HOUR, 20 * HOUR + np.arange(36) * HOUR // 4
    stamps = np.concatenate([hours, quarters])
    watts = np.arange(56.0)
    _, channels, _ = to_grid({"mains": device(list(stamps), watts)}, 3600)
    by_quarter = np.reshape(watts[20:], (9, 4)).mean(axis=1)
    assert channels["mains"].tolist() == [*watts[:20], *by_quarter]


def test_a_finer_grid_has_the_coarser_part_spread_evenly_unless_it_is_much_coarser() -> None:
    stamps = np.concatenate([np.arange(20) * HOUR, 20 * HOUR + np.arange(36) * HOUR // 4])
    start, channels, _ = to_grid({"mains": device(list(stamps), np.arange(56.0))}, 900)
    assert start == 0
    assert channels["mains"].tolist() == [*np.repeat(np.arange(20), 4), *range(20, 56)]
    stamps = np.concatenate([np.arange(20) * HOUR, 20 * HOUR + np.arange(90) * MINUTE])
    start, channels, _ = to_grid({"mains": device(list(stamps), np.arange(110.0))}, 60)
    assert (start, channels["mains"].tolist()) == (20 * 3600, list(range(20, 110)))
    assert to_grid({"mains": device(list(stamps[:20]))}, 900)[1] == {}


def test_what_is_held_fills_any_grid_and_a_long_mean_no_finer_one() -> None:
    stamps, watts = np.array([0, HOUR, 90 * HOUR]), np.array([5, 0, 7], np.float32)
    seconds, held = np.array([60.0, 88 * 3600, 0]), np.ones(3, bool)
    made = DeviceRows(stamps, watts, seconds=seconds, held=held).readings()
    _, channels, _ = to_grid({"mains": made}, 60)
    assert len(channels["mains"]) == 89 * 60
    assert (channels["mains"][0], set(channels["mains"][60:])) == (5, {0})
    assert np.isnan(channels["mains"][1:60]).all()
    means = DeviceRows(stamps, watts, seconds=np.full(3, 7200.0)).readings()
    assert to_grid({"mains": means}, 60)[1] == {}


def test_a_length_that_the_file_says_wins_over_the_gap() -> None:
    sparse = DeviceRows(
        np.arange(5) * 3 * HOUR, np.full(5, 100, np.float32), seconds=np.full(5, 3600.0)
    ).readings()
    _, channels, _ = to_grid({"mains": sparse}, 3600)
    assert np.flatnonzero(np.isfinite(channels["mains"])).tolist() == [0, 3, 6, 9, 12]


@settings(deadline=None, max_examples=50)
@given(
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago"]),
    st.sampled_from([300, 900, 1800, 3600]),
    st.sampled_from([3600, 86_400]),
    st.integers(0, 2**32 - 1),
)
def test_energy_on_the_wall_clock_is_that_of_the_readings(
    zone: str, native_s: int, period_s: int, seed: int
) -> None:
    """Over both changes of a year, back on real time too."""
    rng = np.random.default_rng(seed)
    first = int(np.datetime64("2026-03-01", "s").astype(np.int64)) + int(rng.integers(86_400))
    stamps = (first + np.arange(240 * 86_400 // native_s) * native_s) * MICRO
    made = DeviceReadings(stamps, rng.gamma(1.0, 500.0, len(stamps)).astype(np.float32))
    clock = wall_clock(zone)
    start, channels, _ = to_grid({"mains": made}, period_s, clock)
    mains = channels["mains"]
    cells = clock.cells(np.datetime64(start, "s"), period_s, len(mains))
    assert np.array_equal(np.isnan(mains[1:-1]), cells.seconds[1:-1] == 0)
    real = cells.intervals()
    lasting = (real.ends - real.starts).astype(np.int64)
    inside = (real.cell > 0) & (real.cell < len(mains) - 1)
    energy = (mains[real.cell].astype(float) * lasting)[inside].sum()
    edges = real.starts[inside].min(), real.ends[inside].max()
    a, b = (int(edge.astype(np.int64)) * MICRO for edge in edges)
    overlap = np.minimum(made.ends, b) - np.maximum(made.stamps, a)
    expected = (np.maximum(overlap, 0) / MICRO * made.values.astype(float)).sum()
    assert energy == pytest.approx(expected, rel=1e-6)


def test_a_day_of_change_has_24_cells_of_which_one_is_missing_or_a_mean() -> None:
    def day(date: str, hours: int) -> list[float]:
        first = wall_clock("Europe/Berlin").to_utc(np.datetime64(date))[0]
        stamps = (int(first.astype(np.int64)) + np.arange(hours) * 3600) * MICRO
        _, channels, _ = to_grid(
            {"mains": device(list(stamps), np.arange(hours))}, 3600, wall_clock("Europe/Berlin")
        )
        return channels["mains"].tolist()

    spring, autumn = day("2026-03-29", 23), day("2026-10-25", 25)
    assert spring == pytest.approx([0, 1, np.nan, *range(2, 23)], nan_ok=True)
    assert autumn == [0, 1, 2.5, *range(4, 25)]


def test_half_of_the_time_that_a_cell_has_is_enough() -> None:
    """On Lord Howe an hour is half as long in October, and half as long again in April."""
    clock = wall_clock("Australia/Lord_Howe")

    def means(change: str, quarters: list[int]) -> list[float]:
        first = int(np.datetime64(change, "s").astype(np.int64))
        stamps = [(first + 900 * quarter) * MICRO for quarter in (-8, *quarters, 8)]
        seconds = np.full(len(stamps), 900.0)
        rows = DeviceRows(np.array(stamps), np.ones(len(stamps), np.float32), seconds=seconds)
        return to_grid({"mains": rows.readings()}, 3600, clock)[1]["mains"].tolist()

    spring = means("2026-10-03T15:30", [0])
    assert np.flatnonzero(np.isfinite(spring)).tolist() == [2]
    autumn = [means("2026-04-04T15:00", quarters) for quarters in ([-4, -3], [-4, -3, 0])]
    assert [np.isfinite(cells).any() for cells in autumn] == [False, True]


@pytest.mark.parametrize(
    ("zone", "change", "again_s"),
    [
        ("Europe/Berlin", "2026-10-25T01:00", 3600),
        ("Australia/Lord_Howe", "2026-04-04T15:00", 1800),
    ],
)
def test_a_cell_is_open_while_readings_end_before_it_comes_again(
    zone: str, change: str, again_s: int
) -> None:
    clock = wall_clock(zone)
    end = int(np.datetime64(change, "s").astype(np.int64))
    first = end - 3 * 3600
    for more, known in ((0, 2), (again_s, 3)):
        stamps = np.arange(first, end + more, 900)
        seconds = np.full(len(stamps), 900.0)
        rows = DeviceRows(stamps * MICRO, np.ones(len(stamps), np.float32), seconds=seconds)
        mains = to_grid({"mains": rows.readings()}, 3600, clock)[1]["mains"]
        assert np.isfinite(mains).tolist() == [True] * known + [False] * (3 - known)
