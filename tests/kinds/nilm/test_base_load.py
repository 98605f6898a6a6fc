"""What a home draws at all hours, from meters of any period."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartwatts_ml.kinds.nilm.base_load import base_loads

DAY = 1440
START = np.datetime64("2026-05-01", "s")


def base_of(mains: np.ndarray, period_s: int, appliances: np.ndarray | float = 0.0) -> np.ndarray:
    times = START + np.arange(len(mains)) * np.timedelta64(period_s, "s")
    days = (times - START) // np.timedelta64(1, "D")
    return base_loads(mains - appliances, mains, times, days, period_s)


def home(seed: int, days: int = 3) -> np.ndarray:
    """W by minutes: 120 W, a fridge of 90 W for a third of the time, much else at times."""
    rng = np.random.default_rng(seed)
    minutes = np.arange(days * DAY)
    mains = 120.0 + 90.0 * (minutes % 45 < 15)
    for at in rng.integers(0, len(mains), 12 * days):
        mains[at : at + rng.integers(2, 60)] += rng.uniform(100, 2500)
    return mains


@pytest.mark.parametrize("period_s", [60, 300, 900, 1800])
def test_meters_of_any_period_tell_the_same_base_load(period_s: int) -> None:
    mains = home(0)
    coarse = mains.reshape(-1, period_s // 60).mean(axis=1)
    assert base_of(coarse, period_s) == pytest.approx(base_of(mains, 60))
    assert base_of(coarse, period_s) == pytest.approx(np.full(3, 150.0), abs=31)


@given(st.integers(0, 50), st.floats(0, 500))
def test_more_at_all_hours_is_as_much_more_base_load(seed: int, more: float) -> None:
    mains = home(seed)
    assert base_of(mains + more, 60) == pytest.approx(base_of(mains, 60) + more)


@given(st.integers(0, 50))
def test_a_base_load_is_never_more_than_what_appliances_leave(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mains = home(seed)
    appliances = mains * rng.uniform(0, 1.2, len(mains))
    rest = (mains - appliances).reshape(-1, DAY).mean(axis=1)
    found = base_of(mains, 60, appliances)
    assert (found >= 0).all() and (found <= np.maximum(rest, 0) + 1e-9).all()


def test_an_appliance_taken_for_more_than_it_drew_for_an_hour_hardly_lowers_it() -> None:
    mains, appliances = home(1, days=1), np.zeros(DAY)
    appliances[600:660] = mains[600:660]
    assert base_of(mains, 60, appliances) == pytest.approx(base_of(mains, 60), abs=20)


@pytest.mark.parametrize("period_s", [60, 300, 900, 1800])
def test_what_a_home_draws_while_it_feeds_in_is_not_known(period_s: int) -> None:
    mains = home(2)
    mains[100] -= 600  # for a minute: the half hour does not
    mains[DAY + 600 : DAY + 900] -= 3000
    coarse = mains.reshape(-1, period_s // 60).mean(axis=1)
    assert np.isnan(base_of(coarse, period_s)).tolist() == [False, True, False]


def test_less_than_half_a_day_and_what_no_model_told_have_no_base_load() -> None:
    mains = home(3)
    assert np.isnan(base_of(mains[: 11 * 60], 60)).all()
    appliances = np.zeros(len(mains))
    appliances[DAY + 5] = np.nan
    assert np.isnan(base_of(mains, 60, appliances)).tolist() == [False, True, False]


def test_a_half_hour_of_which_a_minute_is_known_says_nothing() -> None:
    times = START + np.r_[0, 1800 : DAY * 60 : 60] * np.timedelta64(1, "s")
    rest = np.r_[5.0, np.full(len(times) - 1, 300.0)]
    day = np.zeros(len(times), int)
    assert base_loads(rest, rest, times, day, 60) == pytest.approx([300.0], abs=1)
