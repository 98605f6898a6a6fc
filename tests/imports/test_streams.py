"""Duplicates, legs and resampling: where blocks end makes no difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.imports import streams
from smartwatts_ml.imports.base import Channel
from smartwatts_ml.imports.labels import channel_names
from smartwatts_ml.imports.streams import Distinct, HeldMeans, Resampler, summed
from smartwatts_ml.readings.device_rows import DeviceRows
from smartwatts_ml.readings.resample import MICRO, resample

CUTS = st.lists(st.integers(0, 300), max_size=8).map(sorted)


def cut(values: np.ndarray, cuts: list[int]) -> list[np.ndarray]:
    return np.split(values, cuts)


def jittering(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mostly every 6 s, sometimes 7, with holes, but never for less than 8 readings in a row."""
    chance = np.random.default_rng(seed)
    steps = chance.choice([6, 6, 6, 6, 7], count)
    steps[np.cumsum(chance.integers(8, 20, count // 20))] = 50
    return np.cumsum(steps) * MICRO, chance.uniform(0, 3000, count).round(1)


@given(CUTS, st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_blocks_make_no_difference_to_duplicates(cuts: list[int], seed: int) -> None:
    chance = np.random.default_rng(seed)
    stamps = np.sort(chance.integers(0, 150, 300)) * MICRO
    watts = np.where(chance.random(300) < 0.1, np.nan, np.arange(300))
    channel = Channel(("x",), "x")
    blocks = zip(cut(stamps, cuts), cut(watts, cuts), strict=True)
    parts = list(Distinct(channel).all(iter(blocks)))
    got = dict(zip(np.concatenate([p[0] for p in parts]).tolist(),
                   np.concatenate([p[1] for p in parts]).tolist(), strict=True))  # fmt: skip
    there = np.isfinite(watts)
    assert got == dict(zip(stamps[there].tolist(), watts[there].tolist(), strict=True))
    assert channel.taken == 300 == len(got) + channel.missing + channel.duplicate


@given(CUTS, CUTS, st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_blocks_make_no_difference_to_a_sum(one: list[int], two: list[int], seed: int) -> None:
    chance = np.random.default_rng(seed)
    legs = [np.unique(chance.integers(0, 400, 300)) * MICRO for _ in range(2)]
    channel = Channel(("a", "b"), "mains")
    streams_ = [
        iter([(part, part / MICRO) for part in cut(leg, cuts)])
        for leg, cuts in zip(legs, (one, two), strict=True)
    ]
    parts = list(summed(streams_, channel))
    got = np.concatenate([stamps for stamps, _ in parts])
    assert got.tolist() == np.intersect1d(legs[0], legs[1]).tolist()
    np.testing.assert_allclose(np.concatenate([w for _, w in parts]), 2 * got / MICRO)
    assert channel.unpaired == sum(map(len, legs)) - 2 * len(got)


@given(CUTS, st.integers(0, 99), st.sampled_from([10, 60, 900]))
@settings(max_examples=50, deadline=None)
def test_blocks_make_no_difference_to_resampling(cuts: list[int], seed: int, period_s: int) -> None:
    stamps, watts = jittering(300, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "_CHUNK", 40)
        patch.setattr(streams, "_HISTORY", 30)
        written: list[tuple[int, float]] = []
        channel = Channel(("x",), "x")
        sink = Resampler(
            channel,
            lambda s, w: written.extend(zip(s.tolist(), w.tolist(), strict=True)),
            period_s,
        )
        for part in zip(cut(stamps, cuts), cut(watts, cuts), strict=True):
            sink.take(*part)
        sink.close()
    start = int(stamps[0]) // (period_s * MICRO) * period_s * MICRO
    count = (int(stamps[-1]) - start) // (period_s * MICRO) + 3
    whole = DeviceRows(stamps, watts.astype(np.float32)).readings()
    mean, _ = resample(whole, start, period_s * MICRO, count)
    there = np.flatnonzero(np.isfinite(mean))
    assert [s for s, _ in written] == (start + there * period_s * MICRO).tolist()
    np.testing.assert_allclose([w for _, w in written], mean[there], rtol=1e-5)
    assert channel.used == 300
    assert channel.written == len(written)


@given(CUTS, st.integers(0, 99), st.sampled_from([1, 10, 60, 900]))
@settings(max_examples=50, deadline=None)
def test_held_values_are_means_of_a_step_function_whatever_the_blocks(
    cuts: list[int], seed: int, period_s: int
) -> None:
    stamps, watts = jittering(300, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "_CHUNK", 40)
        written: list[tuple[int, float]] = []
        channel = Channel(("x",), "x", held=True)
        sink = HeldMeans(
            channel,
            lambda s, w: written.extend(zip(s.tolist(), w.tolist(), strict=True)),
            period_s,
        )
        for part in zip(cut(stamps, cuts), cut(watts, cuts), strict=True):
            sink.take(*part)
        sink.close()
    period = period_s * MICRO
    edges = np.arange(stamps[0] // period, stamps[-1] // period + 1) * period
    steps = np.union1d(edges, stamps)
    held = watts[np.maximum(np.searchsorted(stamps, steps[:-1], "right") - 1, 0)]
    known = steps[:-1] >= stamps[0]
    cell = np.searchsorted(edges, steps[:-1], "right") - 1
    seconds, energy = (
        np.bincount(cell[known], (np.diff(steps) * of)[known], len(edges))[: len(edges) - 1]
        for of in (np.ones(len(held)), held)
    )
    there = seconds * 2 >= period
    assert [s for s, _ in written] == edges[:-1][there].tolist()
    np.testing.assert_allclose([w for _, w in written], energy[there] / seconds[there], rtol=1e-6)
    assert (channel.used, channel.written) == (300, len(written))


def test_resampling_preserves_energy() -> None:
    watts = np.arange(600, dtype=float)
    written: list[float] = []
    sink = Resampler(Channel(("x",), "x"), lambda _, w: written.extend(w.tolist()), 60)
    sink.take(np.arange(600) * 6 * MICRO, watts)
    sink.close()
    assert sum(written) * 60 == pytest.approx(watts.sum() * 6)


def test_a_reading_of_an_interval_that_is_written_is_late() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "_CHUNK", 10)
        patch.setattr(streams, "_HISTORY", 10)
        channel = Channel(("x",), "x")
        sink = Resampler(channel, lambda _s, _w: None, 60)
        sink.take(np.arange(100) * 6 * MICRO, np.ones(100))
        sink.take(np.array([6 * MICRO]), np.ones(1))
        sink.close()
    assert (channel.late, channel.used) == (1, 100)


@given(st.lists(st.sampled_from(["Fridge", "fridge_2", "Fridge-Freezer", "fridge 3", "Kettle"])))
def test_channel_names_never_repeat(labels: list[str]) -> None:
    names = channel_names(labels)
    assert len(set(names)) == len(names) == len(labels)
