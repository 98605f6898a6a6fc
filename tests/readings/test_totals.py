"""What a meter's running total tells of power, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartwatts_ml.readings.totals import glitches, power_of_totals
from tests.readings.spacings import any_stamps

HOUR = 3_600_000_000
QUARTER = HOUR // 4


def hourly(*totals: float) -> np.ndarray:
    """W of each hour but the last."""
    return power_of_totals(np.arange(len(totals)) * HOUR, np.array(totals))[0][:-1]


def usual(count: int, seed: int = 3) -> np.ndarray:
    """Totals of a home: some hundred Wh the hour, now and then 2 kWh."""
    chance = np.random.default_rng(seed)
    return 500 + np.cumsum(chance.uniform(0.1, 0.6, count) + 2 * (chance.random(count) < 0.1))


@given(any_stamps(), st.data())
def test_all_energy_that_a_total_gains_comes_out(stamps: np.ndarray, data: st.DataObject) -> None:
    most = np.diff(stamps) / HOUR * 10  # 10 kW
    used = np.array([data.draw(st.floats(0, float(kwh))) for kwh in most])
    totals = 1000 + np.concatenate([[0.0], np.cumsum(used)])
    power, lengths = power_of_totals(stamps, totals)
    assert np.isnan(power[-1])
    assert np.array_equal(lengths[:-1], np.diff(stamps))
    energy = (power[:-1] * lengths[:-1]).sum() / (HOUR * 1000)
    assert energy == pytest.approx(totals[-1] - totals[0], abs=1e-6)


@given(any_stamps(), st.data())
def test_no_power_is_more_than_a_home_draws(stamps: np.ndarray, data: st.DataObject) -> None:
    levels = st.lists(st.floats(-1e6, 1e6), min_size=len(stamps), max_size=len(stamps))
    power, lengths = power_of_totals(stamps, np.array(data.draw(levels)))
    assert np.array_equal(np.isnan(power), lengths == 0)
    assert np.all(lengths >= 0)
    assert np.all(stamps + lengths <= stamps[-1])


def test_the_energy_of_a_hole_is_its_mean() -> None:
    stamps = np.array([0, 1, 2, 20, 21]) * HOUR
    power, lengths = power_of_totals(stamps, np.array([1.0, 2, 3, 7.5, 8.5]))
    assert power[:-1].tolist() == [1000, 1000, 250, 1000]
    assert (lengths // HOUR).tolist() == [1, 1, 18, 1, 0]


def test_a_meter_that_runs_backwards_gives_negative_power() -> None:
    sun = np.tile(np.r_[np.full(16, 0.4), np.full(8, -2.5)], 3)
    assert np.allclose(hourly(*(2200 + np.cumsum(np.r_[0, sun]))), sun * 1000)


@pytest.mark.parametrize("start", [80_000.0, 700.0, 460.0, 3.0, 0.0])
def test_another_meter_is_a_gap_of_one_interval(start: float) -> None:
    first, second = usual(30), usual(30, 4) - 500 + start
    power = hourly(*first, *second)
    assert np.flatnonzero(np.isnan(power)).tolist() == [29]
    assert np.allclose(power[:29], np.diff(first) * 1000)
    assert np.allclose(power[30:], np.diff(second) * 1000)


def test_another_meter_read_once_a_day_is_a_gap_too() -> None:
    days = np.arange(60) * 24 * HOUR
    totals = 5000 + np.cumsum(np.random.default_rng(1).uniform(5, 15, 60))
    totals[30:] -= 2000
    assert np.flatnonzero(np.isnan(power_of_totals(days, totals)[0])).tolist() == [29, 59]


@pytest.mark.parametrize(
    "wrong", [[0], [0, 0, 0], [80_000], [650, 700], [0, 99_999, 0], [-1], [1e6, 0]]
)
def test_what_leaps_and_comes_back_is_a_glitch(wrong: list[float]) -> None:
    totals = usual(60)
    spoilt = totals.copy()
    at = slice(30, 30 + len(wrong))
    spoilt[at] = wrong
    stamps = np.arange(60) * HOUR
    assert np.flatnonzero(glitches(stamps, spoilt)).tolist() == list(range(30, 30 + len(wrong)))
    power, lengths = power_of_totals(stamps, spoilt)
    over = len(wrong) + 1
    assert power[29] == pytest.approx((totals[29 + over] - totals[29]) / over * 1000)
    assert lengths[29] == over * HOUR
    assert np.isnan(power[at]).all()


def test_glitches_that_follow_each_other_take_nothing_between_them() -> None:
    spoilt = usual(60)
    spoilt[[10, 20, 21, 23]] = [0, 90_000, 0, 0]
    assert np.flatnonzero(glitches(np.arange(60) * HOUR, spoilt)).tolist() == [10, 20, 21, 23]


def test_a_young_meter_shows_zero_once() -> None:
    totals = np.array([0.0, 0.01, 0.03, 0.0, 0.05, 0.07])
    assert np.flatnonzero(glitches(np.arange(6) * QUARTER, totals)).tolist() == [3]


@pytest.mark.parametrize(
    "totals",
    [
        np.tile(np.arange(24) * 0.3, 5),  # begins again at 0 each day
        2200 + np.cumsum(np.tile(np.r_[np.full(16, 0.4), np.full(8, -2.5)], 3)),
        usual(100),
        np.r_[usual(20), usual(20) + 79_500],
        np.floor(np.arange(0, 90, 0.1)),  # whole kWh
    ],
)
def test_a_sound_total_has_no_glitch(totals: np.ndarray) -> None:
    assert not glitches(np.arange(len(totals)) * QUARTER, totals).any()


def test_a_coarse_total_that_is_read_often_keeps_its_energy() -> None:
    seconds = np.arange(9000) * 10_000_000
    totals = np.floor(100 + np.arange(9000) * 0.01)
    power, lengths = power_of_totals(seconds, totals)
    energy = np.nansum(power * lengths) / (HOUR * 1000)
    assert energy == pytest.approx(totals[-1] - totals[0])


def test_a_total_that_begins_again_each_day_loses_the_hour_of_its_end() -> None:
    power = hourly(*np.tile(np.arange(24) * 0.3, 3))
    assert np.flatnonzero(np.isnan(power)).tolist() == [23, 47]
    assert np.allclose(power[~np.isnan(power)], 300)


def test_leaps_everywhere_are_no_glitches_and_take_no_time() -> None:
    chance = np.random.default_rng(2)
    totals = chance.uniform(0, 1e6, 200_000)
    assert not glitches(np.arange(200_000) * QUARTER, totals).any()


def test_zeros_between_two_meters_are_none_of_either() -> None:
    first = usual(30)
    power = hourly(*first, 0, 0, *(12 + np.cumsum(np.full(20, 0.4))))
    assert np.flatnonzero(np.isnan(power)).tolist() == [29, 30, 31]
    assert np.allclose(power[32:], 400)


@pytest.mark.parametrize("where", ["before", "after"])
def test_zeros_before_the_first_or_after_the_last_of_a_meter_are_no_power(where: str) -> None:
    totals = usual(30)
    zeros = np.zeros(5)
    parts = [zeros, totals] if where == "before" else [totals, zeros]
    power = hourly(*np.concatenate(parts))
    known = slice(5, None) if where == "before" else slice(None, 29)
    assert np.allclose(power[known], np.diff(totals) * 1000)
    assert np.count_nonzero(np.isnan(power)) == 5


def test_a_meter_that_begins_at_zero_and_waits_draws_nothing() -> None:
    power = hourly(0, 0, 0, *np.cumsum(np.full(20, 0.4)))
    assert power[:2].tolist() == [0, 0]
    assert not np.isnan(power).any()
