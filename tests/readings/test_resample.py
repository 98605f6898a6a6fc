"""Resampling keeps energy, and does not care how readings were handed over."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartwatts_ml.readings.resample import (
    MICRO,
    DeviceReadings,
    native_interval,
    resample,
    to_grid,
)

MINUTE = 60 * MICRO
HOUR = 3600 * MICRO


def device(stamps: list[int], values: list[float] | np.ndarray | None = None) -> DeviceReadings:
    made = np.arange(len(stamps)) if values is None else values
    return DeviceReadings.from_rows(np.array(stamps, np.int64), np.asarray(made, np.float32))


@st.composite
def jittering(draw: st.DrawFn) -> DeviceReadings:
    """Readings about every ``base`` seconds, with jitter and holes."""
    base = draw(st.integers(1, 120))
    steps = draw(
        st.lists(
            st.one_of(
                st.just(base * MICRO),
                st.integers(base * MICRO * 3 // 4, base * MICRO * 5 // 4),
                st.integers(base * MICRO, base * MICRO * 50),
            ),
            min_size=3,
            max_size=80,
        )
    )
    start = draw(st.integers(0, 10**9)) * MICRO
    stamps = start + np.cumsum([0, base * MICRO, base * MICRO, *steps])
    values = draw(
        st.lists(st.floats(-5000, 5000, width=32), min_size=len(stamps), max_size=len(stamps))
    )
    return device(list(stamps), values)


def covered_us(readings: DeviceReadings) -> np.ndarray:
    """What each reading covers, one after the other."""
    native = readings.native_us
    gaps = [*np.diff(readings.stamps), 10 * native]
    return np.array([gap if gap <= 1.5 * native else native for gap in gaps])


@given(jittering(), st.sampled_from([60, 300, 900, 3600]))
def test_energy_in_is_energy_out(readings: DeviceReadings, period_s: int) -> None:
    period = period_s * MICRO
    first = int(readings.stamps[0]) // period
    last = int(readings.stamps[-1] + 2 * readings.native_us) // period
    energy = 0.0
    means, _ = resample(readings, first * period, period, last - first + 1)
    length = covered_us(readings)
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
    if not np.isnan(means).any():
        whole = (length * readings.values.astype(float)).sum()
        assert energy == pytest.approx(whole, rel=1e-9, abs=1e-3)


@given(jittering(), st.randoms())
def test_order_and_duplicates_make_no_difference(
    readings: DeviceReadings, chance: random.Random
) -> None:
    picks = list(range(len(readings.stamps))) + chance.choices(range(len(readings.stamps)), k=5)
    chance.shuffle(picks)
    again = DeviceReadings.from_rows(readings.stamps[picks], readings.values[picks])
    assert np.array_equal(again.stamps, readings.stamps)
    assert np.array_equal(again.values, readings.values)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 99)), min_size=1, max_size=30))
def test_of_one_stamp_the_last_arrival_counts(pairs: list[tuple[int, int]]) -> None:
    stamps, values = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    expected = dict(pairs)
    made = DeviceReadings.from_rows(stamps, values.astype(np.float32))
    assert dict(zip(made.stamps.tolist(), made.values.tolist(), strict=True)) == expected
    backwards = DeviceReadings.from_rows(
        stamps[::-1], values[::-1].astype(np.float32), arrival=np.arange(len(pairs))[::-1]
    )
    assert np.array_equal(backwards.values, made.values)


@given(jittering(), st.integers(1, 79), st.sampled_from([60, 3600]))
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
    made = DeviceReadings.from_rows(stamps, values, np.full(6, np.nan, np.float32))
    assert to_grid({"mains": made}, 60)[2] == {}


def test_the_native_interval_is_the_most_common_one() -> None:
    assert native_interval(np.array([0, 6, 12, 19, 25, 100])) == 6
    assert native_interval(np.array([5])) == 0
