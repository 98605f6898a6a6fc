"""What must not matter to the checks does not; what must add up does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.device_rows import DeviceRows
from smartwatts_ml.readings.quality.assess import assess, flag_devices
from smartwatts_ml.readings.quality.balance import exceeds
from smartwatts_ml.readings.quality.flags import SUSPECT, Flag
from smartwatts_ml.readings.quality.levels import clipped
from smartwatts_ml.readings.quality.record import covered
from smartwatts_ml.readings.quality.stuck import stuck
from smartwatts_ml.readings.quality.units import unit_changed
from smartwatts_ml.readings.resample import MICRO, DeviceReadings
from smartwatts_ml.settings import QualitySettings
from tests.readings.homes import Home, home, spoil

DAY_US = 86_400 * MICRO
powers = st.sampled_from([2.0**k for k in range(-6, 7)])


def troubled(seed: int = 5) -> Home:
    """A home with several faults, by the quarter of an hour."""
    made = home(seed, period_s=900)
    rng = np.random.default_rng(seed)
    made[MAINS] = spoil(made[MAINS], lambda v: v.__setitem__(slice(300, 340), 412.5))
    made[MAINS] = spoil(made[MAINS], lambda v: v.__setitem__(slice(900, 912), 0))
    made["fridge"] = spoil(
        made["fridge"], lambda v: v.__setitem__(slice(2500, None), v[2500:] / 1000)
    )
    made["kettle"] = spoil(made["kettle"], lambda v: v.__setitem__(rng.integers(0, 2000, 5), -80))
    kept = np.ones(len(made[MAINS].stamps), bool)
    kept[1200:1350] = False
    return {name: DeviceReadings(d.stamps[kept], d.values[kept]) for name, d in made.items()}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_order_and_duplicates_make_no_difference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = troubled()
    mixed = {}
    for name in rng.permutation(list(made)):
        device = made[name]
        count = len(device.stamps)
        picks = rng.permutation(np.concatenate([np.arange(count), rng.integers(0, count, 500)]))
        mixed[str(name)] = DeviceRows(device.stamps[picks], device.values[picks]).readings()
    expected = flag_devices("a", made, "UTC", QualitySettings())
    actual = flag_devices("a", mixed, "UTC", QualitySettings())
    assert {flag for bits in expected.values() for flag in Flag if np.any(bits & flag)} >= {
        Flag.STUCK,
        Flag.ZERO,
        Flag.UNIT,
        Flag.NEGATIVE,
        Flag.GAP,
    }
    for name, bits in expected.items():
        assert np.array_equal(actual[name], bits), name


@settings(max_examples=20, deadline=None)
@given(powers)
def test_shape_checks_do_not_ask_for_the_scale(factor: float) -> None:
    for device in troubled().values():
        scaled = device.values * np.float32(factor)
        day = device.stamps // DAY_US
        native = device.native_us
        for varies in (False, True):
            before = stuck(device.stamps, device.ends, device.values, always_varies=varies)
            assert np.array_equal(
                before, stuck(device.stamps, device.ends, scaled, always_varies=varies)
            )
        assert np.array_equal(clipped(device.values), clipped(scaled))
        before = unit_changed(device.values, day, native)
        assert np.array_equal(before, unit_changed(scaled, day, native))


@settings(max_examples=10, deadline=None)
@given(st.integers(-400, 400))
def test_whole_weeks_earlier_or_later_the_same_is_flagged(weeks: int) -> None:
    made = troubled()
    moved = {
        name: DeviceReadings(d.stamps + weeks * 7 * DAY_US, d.values) for name, d in made.items()
    }
    expected = flag_devices("a", made, "UTC", QualitySettings())
    for name, bits in flag_devices("a", moved, "UTC", QualitySettings()).items():
        assert np.array_equal(bits, expected[name])


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 500), st.floats(0, 1))
def test_exceeding_needs_both_tolerances(mains: float, total: float, w: float, s: float) -> None:
    over = bool(exceeds(np.array([mains]), np.array([total]), w, s)[0])
    assert over == (total - mains > w and total - mains > s * mains)


def test_days_and_devices_add_up() -> None:
    made = troubled()
    quality = assess("a", made, "Europe/Berlin", QualitySettings())
    flags = flag_devices("a", made, "Europe/Berlin", QualitySettings())
    length = np.full(len(quality.coverage), 24.0)
    length[[str(quality.date(i)) == "2026-03-29" for i in range(len(length))]] = 23.0
    hours = [(d.ends - d.stamps).sum() / 3.6e9 for d in made.values()]
    assert (quality.coverage * length).sum() == pytest.approx(np.mean(hours), rel=1e-5)
    for device in quality.devices:
        bits = flags[device.channel]
        assert device.rows == len(bits)
        assert device.suspect == np.mean((bits & SUSPECT) != 0)
        assert {f.flag: f.readings for f in device.findings} == {
            flag: int(np.sum((bits & flag) != 0)) for flag in Flag if np.any(bits & flag)
        }
    assert np.bitwise_or.reduce(quality.flags) == np.bitwise_or.reduce(
        np.concatenate(list(flags.values()))
    )
    stuck_day = np.flatnonzero(quality.flags & Flag.STUCK)
    assert [str(quality.date(int(day))) for day in stuck_day] == ["2026-03-05"]
    assert quality.doubted[stuck_day[0]] == pytest.approx(40 * 15 / 1440)


def test_a_gap_counts_the_hours_that_are_missing() -> None:
    by_name = {d.channel: d for d in assess("a", troubled(), "UTC", QualitySettings()).devices}
    gap = by_name[MAINS].gaps[0]
    assert gap.hours == 150 * 0.25
    assert gap.start == "2026-03-14T12:00:00Z"
    assert by_name[MAINS].findings[-1].hours == gap.hours
    assert by_name[MAINS].coverage == pytest.approx(1 - 150 / 2880)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(0, 900))
def test_covered_time_never_shrinks_and_ends_at_the_total(steps: list[int], at: int) -> None:
    stamps = np.cumsum([0, *steps]).astype(np.int64)
    device = DeviceReadings(stamps, np.ones(len(stamps), np.float32))
    some, all_of_it = covered(device, np.array([at, 10**6]))
    assert 0 <= some <= all_of_it == (device.ends - device.stamps).sum()
