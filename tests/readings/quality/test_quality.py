"""Each check finds the fault that was planted, all of it, and nothing beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.device_rows import DeviceRows
from smartwatts_ml.readings.quality.assess import flag_devices
from smartwatts_ml.readings.quality.flags import Flag
from smartwatts_ml.readings.resample import MICRO, DeviceReadings
from smartwatts_ml.settings import QualitySettings
from tests.readings.homes import Home, home, spoil

DAY = 1440
NOON = 10 * DAY + 720


def found(
    channels: Home, timezone: str = "UTC", **changed: Any
) -> dict[tuple[str, Flag], np.ndarray]:
    """Indices of flagged readings by channel and flag, those that have any."""
    flags = flag_devices("home01", channels, timezone, QualitySettings(**changed))
    assert all(bits.dtype == np.uint16 for bits in flags.values())
    hits = {(name, flag): np.flatnonzero(b & flag) for name, b in flags.items() for flag in Flag}
    return {key: at for key, at in hits.items() if len(at)}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("solar", [False, True])
def test_a_healthy_home_has_nothing_flagged(seed: int, solar: bool) -> None:
    assert found(home(seed, solar=solar)) == {}
    assert found(home(seed, period_s=900, submetered=False, solar=solar)) == {}
    assert found(home(seed, days=60, period_s=3600, solar=solar), "Europe/Berlin") == {}


def test_negative_appliances_and_negative_mains_at_night_are_flagged() -> None:
    made = home()
    night = slice(10 * DAY + 60, 10 * DAY + 90)
    made["kettle"] = spoil(made["kettle"], lambda v: v.__setitem__(slice(700, 705), -900))
    made[MAINS] = spoil(made[MAINS], lambda v: v.__setitem__(night, -300 - np.arange(30)))
    hits = found(made)
    assert hits["kettle", Flag.NEGATIVE].tolist() == [700, 701, 702, 703, 704]
    assert hits[MAINS, Flag.NEGATIVE].tolist() == list(range(night.start, night.stop))


def test_noise_around_zero_is_not_negative() -> None:
    made = home()
    made["kettle"] = spoil(made["kettle"], lambda v: v.__isub__(8.0))
    assert found(made) == {}
    assert ("kettle", Flag.NEGATIVE) in found(made, negative_watts=5)


def test_feeding_in_by_day_is_normal_unless_settings_say_otherwise() -> None:
    made = home(solar=True)
    assert (made[MAINS].values < -100).sum() > 1000
    assert found(made) == {}
    flagged = found(made, negative_mains="flag")[MAINS, Flag.NEGATIVE]
    assert np.array_equal(flagged, np.flatnonzero(made[MAINS].values < -10))
    night = slice(10 * DAY + 60, 10 * DAY + 90)
    made[MAINS] = spoil(made[MAINS], lambda v: v.__setitem__(night, -300 - np.arange(30)))
    assert len(found(made)[MAINS, Flag.NEGATIVE]) == 30
    assert found(made, negative_mains="allow") == {}


def test_channels_that_produce_may_be_negative() -> None:
    made = home()
    stamps = made[MAINS].stamps
    power = -1000.0 - np.random.default_rng(0).random(len(stamps)) * 100
    panel = DeviceReadings(stamps, power.astype(np.float32))
    assert found(made | {"pv": panel}) == {}
    assert ("shed", Flag.NEGATIVE) in found(made | {"shed": panel})
    assert found(made | {"shed": panel}, negative_channels=("shed",)) == {}


def test_a_temperature_below_zero_is_no_negative_power() -> None:
    made = home()
    stamps = made[MAINS].stamps
    warmth = -5.0 + 8.0 * np.sin(np.arange(len(stamps)) / 229.0)
    outdoors = DeviceReadings(stamps, warmth.astype(np.float32))
    assert found(made | {"temperature": outdoors}) == {}


def test_what_no_fuse_lets_through_is_flagged() -> None:
    made = home()
    made["oven"] = spoil(made["kettle"], lambda v: v.__setitem__(NOON, 80_000))
    assert found(made)["oven", Flag.FUSE].tolist() == [NOON]
    made = home()
    made[MAINS] = spoil(made[MAINS], lambda v: v.__setitem__(NOON, 14_000))
    assert found(made) == {}
    assert found(made, site_fuse_watts={"home01": 13_800})[MAINS, Flag.FUSE].tolist() == [NOON]


def test_a_home_whose_kilowatts_were_taken_for_watts_is_flagged_and_a_frugal_one_is_not() -> None:
    made = home()
    frugal = spoil(made[MAINS], lambda v: v.__imul__(0.1))
    assert (MAINS, Flag.LOW) not in found({**made, MAINS: frugal})
    made[MAINS] = spoil(made[MAINS], lambda v: v.__imul__(0.001))
    hits = found(made)
    assert len(hits[MAINS, Flag.LOW]) == np.count_nonzero(made[MAINS].values)


def test_a_building_that_draws_more_than_a_home_has_a_limit_of_its_own() -> None:
    made = home(period_s=900, submetered=False)
    large = DeviceReadings(made[MAINS].stamps, made[MAINS].values * 200)
    assert large.values.max() > 50_000
    assert found({MAINS: large}) == {}
    spiked = spoil(large, lambda v: v.__setitem__(500, v.max() * 9))
    assert found({MAINS: spiked})[MAINS, Flag.FUSE].tolist() == [500]


@pytest.mark.parametrize("channel", [MAINS, "fridge"])
def test_a_value_that_stays_for_hours_is_stuck(channel: str) -> None:
    made = home()
    filled = slice(NOON, NOON + 300)
    made[channel] = spoil(made[channel], lambda v: v.__setitem__(filled, 173.4))
    assert list(found(made)) == [(channel, Flag.STUCK)]
    at = found(made)[channel, Flag.STUCK]
    assert at.tolist() == list(range(filled.start, filled.stop))
    assert found(made, stuck_hours=6) == {}


def test_forward_filled_outages_are_found_whatever_their_number() -> None:
    made = home()
    filled = np.zeros(len(made[MAINS].values), bool)
    for first in range(DAY, 28 * DAY, 3 * DAY):
        filled[first : first + 240] = True
    last = np.maximum.accumulate(np.where(filled, 0, np.arange(len(filled))))
    made[MAINS] = DeviceReadings(made[MAINS].stamps, made[MAINS].values[last])
    at = found(made)[MAINS, Flag.STUCK]
    assert set(np.flatnonzero(filled)) <= set(at)
    assert len(at) <= filled.sum() + 9  # the reading that was filled forward


def test_standby_and_an_idle_appliance_are_not_stuck() -> None:
    made = home()
    made["kettle"] = spoil(made["kettle"], lambda v: v.__setitem__(slice(None), 0))
    made["television"] = spoil(made["microwave"], lambda v: v.__setitem__(v < 30, 41.5))
    made["router"] = spoil(made["kettle"], lambda v: v.__setitem__(slice(None), 31.7))
    made[MAINS] = spoil(made[MAINS], lambda v: v.__iadd__(100))
    assert found(made) == {}


def test_a_coarse_meter_that_rests_is_not_stuck() -> None:
    made = home(period_s=3600, submetered=False)
    coarse = spoil(made[MAINS], lambda v: v.__setitem__(slice(None), np.round(v / 100) * 100 + 100))
    coarse = spoil(coarse, lambda v: v.__setitem__(slice(100, 148), 300))
    assert (MAINS, Flag.STUCK) not in found({MAINS: coarse})
    coarse = spoil(coarse, lambda v: v.__setitem__(slice(100, 148), 2300))
    assert found({MAINS: coarse})[MAINS, Flag.STUCK].tolist() == list(range(100, 148))


def test_mains_at_exactly_zero_is_flagged_and_after_a_day_it_is_stuck() -> None:
    made = {MAINS: home()[MAINS]}
    made[MAINS] = spoil(made[MAINS], lambda v: v.__setitem__(slice(NOON, NOON + 180), 0))
    assert list(found(made)) == [(MAINS, Flag.ZERO)]
    assert len(found(made)[MAINS, Flag.ZERO]) == 180
    made[MAINS] = spoil(made[MAINS], lambda v: v.__setitem__(slice(NOON, NOON + DAY), 0))
    assert list(found(made)) == [(MAINS, Flag.STUCK), (MAINS, Flag.ZERO)]


def test_mains_that_a_meter_could_not_show_in_full_is_clipped() -> None:
    made = home()
    over = made[MAINS].values >= 2000
    assert 100 < over.sum() < 0.2 * len(over)
    made[MAINS] = spoil(made[MAINS], lambda v: np.minimum(v, 2000, out=v))
    assert np.array_equal(found(made)[MAINS, Flag.CLIPPED], np.flatnonzero(over))


def test_appliances_that_exceed_mains_are_flagged_together_with_it() -> None:
    made = home()
    hot = made["dishwasher"].values > 1500
    busy = int(np.flatnonzero(np.convolve(hot, np.ones(15), "valid") == 15)[0])
    span = slice(busy - 60, busy + 120)
    made[MAINS] = spoil(made[MAINS], lambda v: v.__setitem__(span, 150 + np.arange(180) % 13))
    hits = found(made)
    assert (MAINS, Flag.BALANCE) in hits and ("dishwasher", Flag.BALANCE) in hits
    assert {flag for _, flag in hits} == {Flag.BALANCE}
    assert set(range(busy + 4, busy + 10)) <= set(hits[MAINS, Flag.BALANCE])
    assert all(span.start - 5 <= i < span.stop + 5 for i in hits[MAINS, Flag.BALANCE])
    assert found(made, sum_watts=50_000) == {}


def test_with_feed_in_appliances_may_exceed_mains() -> None:
    made = home(solar=True)
    total = np.sum([d.values for name, d in made.items() if name != MAINS], axis=0)
    assert (total > made[MAINS].values + 500).sum() > 60
    assert found(made) == {}


@pytest.mark.parametrize("shift_s", [-20, 23, 75])
def test_a_clock_that_is_set_is_flagged_where_it_jumps(shift_s: int) -> None:
    made = home()
    stamps = made[MAINS].stamps.copy()
    stamps[NOON:] += shift_s * MICRO
    made[MAINS] = DeviceReadings(stamps, made[MAINS].values)
    assert found(made)[MAINS, Flag.CLOCK].tolist() == [NOON - 1, NOON]


def test_a_logger_that_restarts_after_a_hole_gets_a_new_beat_rightly() -> None:
    made = home()
    stamps = made[MAINS].stamps.copy()
    stamps[NOON:] += (3600 + 23) * MICRO
    assert found({MAINS: DeviceReadings(stamps, made[MAINS].values)}) == {}


def test_a_meter_without_a_steady_beat_is_left_alone() -> None:
    made = home(days=5)[MAINS]
    jitter = np.cumsum(np.random.default_rng(1).integers(-9, 10, len(made.stamps)))
    stamps = made.stamps + jitter * MICRO
    keep = np.append(np.diff(stamps) > 0, True)
    assert found({MAINS: DeviceRows(stamps[keep], made.values[keep]).readings()}) == {}


@pytest.mark.parametrize(
    ("timezone", "hole"),
    [
        ("UTC", "2026-03-29T01"),
        ("UTC", "2026-03-29T02"),
        ("UTC", "2026-03-08T02"),
        ("Europe/Berlin", "2026-03-29T02"),
        ("Europe/Berlin", "2026-10-25T01"),
    ],
)
@pytest.mark.parametrize("period_s", [900, 3600])
def test_the_hour_that_daylight_saving_time_lost_is_flagged(
    timezone: str, hole: str, period_s: int
) -> None:
    made = home(days=270, period_s=period_s, submetered=False)[MAINS]
    first = np.datetime64(hole, "us").astype(np.int64)
    lost = (made.stamps >= first) & (made.stamps < first + 3600 * MICRO)
    holed = DeviceReadings(made.stamps[~lost], made.values[~lost])
    at = int(np.flatnonzero(lost)[0])
    assert found({MAINS: holed}, timezone)[MAINS, Flag.CLOCK].tolist() == [at - 1, at]


def test_an_hour_that_is_lost_elsewhere_is_just_a_gap() -> None:
    made = home(days=60, period_s=900, submetered=False)[MAINS]
    for first in ("2026-03-29T05", "2026-03-28T02", "2026-04-05T02"):
        start = np.datetime64(first, "us").astype(np.int64)
        kept = (made.stamps < start) | (made.stamps >= start + 3600 * MICRO)
        assert found({MAINS: DeviceReadings(made.stamps[kept], made.values[kept])}) == {}


@pytest.mark.parametrize("channel", [MAINS, "fridge", "kettle"])
@pytest.mark.parametrize("factor", [1 / 1000, 1000, 1 / 60, 1 / 60_000])
def test_a_unit_that_changed_is_flagged_from_that_day_on(channel: str, factor: float) -> None:
    made = home()
    made[channel] = spoil(
        made[channel], lambda v: v.__setitem__(slice(22 * DAY, None), v[22 * DAY :] * factor)
    )
    at = found(made)[channel, Flag.UNIT]
    used = np.flatnonzero(made[channel].values[22 * DAY :]) + 22 * DAY
    assert at.min() >= 22 * DAY
    assert len(np.intersect1d(at, used)) > 0.85 * len(used)


def test_a_unit_that_is_wrong_for_one_day_is_left_to_the_other_checks() -> None:
    made = home()
    day = slice(12 * DAY, 13 * DAY)
    made[MAINS] = spoil(made[MAINS], lambda v: v.__setitem__(day, v[day] / 1000))
    assert (MAINS, Flag.UNIT) not in found(made)
    assert (MAINS, Flag.UNIT) in found(made, unit_days=1)


def test_a_holiday_and_an_appliance_that_is_off_are_no_change_of_unit() -> None:
    made = home()
    away = slice(15 * DAY, 25 * DAY)
    rng = np.random.default_rng(2)
    standby = (2 + 0.2 * rng.random(10 * DAY)).astype(np.float32)
    made["heat_pump"] = spoil(made["fridge"], lambda v: v.__imul__(20))
    made["heat_pump"] = spoil(made["heat_pump"], lambda v: v.__setitem__(away, standby))
    made["fridge"] = spoil(made["fridge"], lambda v: v.__setitem__(away, standby))
    made[MAINS] = spoil(made[MAINS], lambda v: v.__iadd__(made["heat_pump"].values))
    made[MAINS] = spoil(made[MAINS], lambda v: v.__setitem__(away, 40 + standby * 5))
    assert not [key for key in found(made) if key[1] is Flag.UNIT]


def test_long_gaps_are_flagged_where_they_begin() -> None:
    made = home()
    kept = np.ones(len(made[MAINS].stamps), bool)
    kept[NOON : NOON + 25 * 60] = False
    kept[20 * DAY : 20 * DAY + 600] = False
    made[MAINS] = DeviceReadings(made[MAINS].stamps[kept], made[MAINS].values[kept])
    hits = found(made)
    assert list(hits) == [(MAINS, Flag.GAP)]
    assert hits[MAINS, Flag.GAP].tolist() == [NOON - 1]
    assert len(found(made, gap_hours=6)[MAINS, Flag.GAP]) == 2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_device_with_hardly_a_reading_is_no_trouble(count: int) -> None:
    made = home(days=1)[MAINS]
    few = DeviceReadings(made.stamps[:count], made.values[:count])
    assert found({MAINS: few}) == {}
    assert found({"kettle": few}) == {}
