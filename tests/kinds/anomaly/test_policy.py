"""Alerts that do not repeat themselves, decided from the past alone."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.kinds.anomaly.policy import (
    FAMILIES,
    FIXED,
    LONGEST,
    MEMORY,
    Limit,
    quiet_alerts,
)

MORE, LESS = (list(FAMILIES).index(name) for name in ("more", "less"))
THRESHOLD = 2.5


def told(rarity: np.ndarray, family: int | np.ndarray = MORE, limit: Limit = FIXED) -> np.ndarray:
    families = np.broadcast_to(np.asarray(family), rarity.shape)
    hours = np.arange(len(rarity))
    return quiet_alerts(hours, rarity >= THRESHOLD, rarity, families, THRESHOLD, limit).number


def days_of(numbers: np.ndarray) -> int:
    return len(np.unique(np.flatnonzero(numbers) // 24))


def test_one_alert_goes_on_through_short_pauses_and_a_little_below_the_threshold() -> None:
    rarity = np.zeros(100)
    rarity[[10, 11, 14, 15]] = 3.0
    rarity[12] = THRESHOLD - 0.4
    rarity[40] = THRESHOLD - 0.4
    assert np.flatnonzero(told(rarity)).tolist() == [10, 11, 12, 14, 15]
    assert told(rarity).max() == 1


def test_what_comes_back_every_day_alike_is_told_a_few_times_at_most() -> None:
    rng = np.random.default_rng(0)
    rarity = np.zeros(24 * 35)
    for day in range(35):
        rarity[24 * day + 20 : 24 * day + 23] = THRESHOLD + 0.6 + 0.2 * rng.standard_normal()
    assert 1 <= days_of(told(rarity)) <= 4


def test_what_does_not_end_is_said_and_done() -> None:
    numbers = told(np.full(24 * 21, 3.5))
    assert days_of(numbers) <= LONGEST // 24 + 1


def test_another_family_and_something_odder_are_told_at_once() -> None:
    rarity, family = np.zeros(24 * 20), np.full(24 * 20, MORE)
    rarity[100:110] = 3.0
    rarity[200] = 3.0
    family[300] = LESS
    rarity[300] = 2.6
    rarity[400] = 4.0
    found = np.flatnonzero(told(rarity, family))
    assert {100, 300, 400} <= set(found.tolist()) and 200 not in found


def test_after_the_memory_the_threshold_is_what_it_was() -> None:
    rarity = np.zeros(MEMORY + 300)
    rarity[100] = 5.0
    rarity[100 + MEMORY + 1] = THRESHOLD
    assert np.flatnonzero(told(rarity)).tolist() == [100, 100 + MEMORY + 1]


def test_later_hours_change_no_earlier_alert() -> None:
    rng = np.random.default_rng(1)
    rarity = rng.exponential(0.8, 3000)
    whole = told(rarity)
    for cut in (500, 1234, 2500):
        assert np.array_equal(told(rarity[:cut]), whole[:cut])


MONTH = 730
MOVING = Limit(step=0.3, fall=0.3 * 1.5 / MONTH, most=1.5)


def test_a_limit_goes_up_with_each_alert_and_comes_back() -> None:
    rarity = np.zeros(3000)
    rarity[100] = THRESHOLD  # lifts it by 0.3, which takes 20 days to fall
    rarity[120] = THRESHOLD + 0.28
    rarity[140] = THRESHOLD + 0.29  # below it, as 40 hours have passed: at once
    rarity[140 + 2 * MONTH] = THRESHOLD
    family = np.arange(3000) % 4  # none of which was told before
    assert np.flatnonzero(told(rarity, family, MOVING)).tolist() == [100, 140, 140 + 2 * MONTH]


def test_a_home_that_has_grown_odd_is_told_of_no_more_than_the_limit_allows() -> None:
    rng = np.random.default_rng(0)
    hours = 6 * MONTH
    rarity = -np.log10(rng.random(hours)) + 0.8  # six times as many odd hours as usual
    family = rng.integers(0, 4, hours)
    fixed, moving = (told(rarity, family, limit).max() / 6 for limit in (FIXED, MOVING))
    assert fixed > 4
    assert moving <= 1.5 + MOVING.most / MOVING.step / 6


def test_a_limit_is_no_higher_than_its_most() -> None:
    family, rarity = np.full(200, MORE), np.zeros(200)
    rarity[::5] = THRESHOLD + 1.0 + 0.4 * np.arange(40)
    rarity[195] = 0.0  # or what follows would be of the same alert
    family[199], rarity[199] = LESS, THRESHOLD + MOVING.most
    assert told(rarity, family, MOVING)[199] > 0
    rarity[199] -= 0.01
    assert told(rarity, family, MOVING)[199] == 0


NONE = -1.0
"""No slow rise."""


def risen(rise: np.ndarray, rarity: np.ndarray) -> tuple[list[int], list[int]]:
    """First hours of alerts, and of slow rises."""
    alerts = quiet_alerts(
        np.arange(len(rise)), rarity >= THRESHOLD, rarity, rarity.astype(int) * 0, THRESHOLD,
        rise=rise,
    )  # fmt: skip
    first = [int(np.argmax(alerts.number == k)) for k in range(1, alerts.number.max() + 1)]
    return first, [hour for hour in first if alerts.rising[hour]]


def test_a_slow_rise_is_told_once_in_two_weeks_and_for_two_days() -> None:
    rise, hours = np.zeros(700), np.arange(700)
    assert risen(rise, np.zeros(700)) == ([0, 336, 672], [0, 336, 672])
    alerts = quiet_alerts(hours, hours < 0, 0.0 * hours, 0 * hours, THRESHOLD, rise=rise)
    assert int(alerts.rising.sum()) == 2 * LONGEST + 28


def test_a_slow_rise_that_goes_above_the_one_that_was_told_is_told_again() -> None:
    rise = np.full(400, NONE)
    rise[10:30] = 0.1
    rise[20] = 0.4
    rise[100:110] = 0.8  # no half more than the highest of before
    rise[200:210] = 0.9
    assert risen(rise, np.zeros(400)) == ([10, 200], [10, 200])
    rise[201:] = 1.5  # goes on and up within its two days, and has been said
    assert risen(rise, np.zeros(400)) == ([10, 200], [10, 200])


def test_a_slow_rise_gives_way_to_an_alert_and_begins_where_none_goes_on() -> None:
    rise, rarity = np.full(400, NONE), np.zeros(400)
    rise[100:140] = 0.0
    rarity[98:104] = 5.0  # goes on through pauses of three hours
    rarity[120] = 6.0
    assert risen(rise, rarity) == ([98, 108, 120], [108])


def test_a_slow_rise_lifts_no_limit() -> None:
    rise = np.where(np.arange(300) < 50, 0.0, NONE)
    rarity, hours = np.zeros(300), np.arange(300)
    rarity[100] = THRESHOLD
    alerts = quiet_alerts(hours, rarity >= THRESHOLD, rarity, 0 * hours, THRESHOLD, MOVING, rise)
    assert alerts.number.max() == 2
