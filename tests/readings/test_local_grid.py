"""A site on its wall clock: where a UTC instant cuts it, and what is told of its cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.localtime import wall_clock
from smartwatts_ml.readings.base import SiteReadings

ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia")
DAY = np.timedelta64(86_400, "s")


def site_of(zone: str, first_day: str, days: int, *, local: bool = True) -> SiteReadings:
    hours = np.arange(24 * days, dtype=np.float32)
    start = np.datetime64(first_day, "s")
    return SiteReadings("home1", start, 3600, {"mains": hours}, timezone=zone, local=local)


@settings(deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(["2026-03-27", "2026-10-23", "2026-04-03", "2026-10-02", "2011-12-28"]),
    st.integers(-86_400, 6 * 86_400),
    st.booleans(),
)
def test_an_instant_cuts_a_site_in_two_and_the_part_before_it_ends_within_a_period(
    zone: str, first_day: str, seconds: int, local: bool
) -> None:
    site = site_of(zone, first_day, 5, local=local)
    time = site.times[0] + np.timedelta64(seconds, "s")
    before, after = site.between(None, time), site.between(time, None)
    assert len(before) + len(after) == len(site)
    joined = np.concatenate([part.channels["mains"] for part in (before, after)])
    assert np.array_equal(joined, site.channels["mains"])
    if len(before):
        assert before.end < time + np.timedelta64(3600, "s") or before.end == before.times[-1]
    if len(after):
        cells = after.cells
        assert cells.last_starts[0] >= time
        assert np.array_equal(after.wall, site.wall[len(before) :])
    assert site.index(time) == len(before)


@pytest.mark.parametrize("zone", ZONES)
def test_a_real_grid_tells_the_wall_clock_and_is_not_cut_by_it(zone: str) -> None:
    site = site_of(zone, "2026-10-23", 5, local=False)
    assert np.array_equal(site.wall, wall_clock(zone).to_wall(site.times))
    assert (np.diff(site.times) == np.timedelta64(3600, "s")).all()
    assert site.end == site.times[-1] + np.timedelta64(3600, "s")
    assert set(site.cells.seconds.tolist()) == {3600}


def test_days_of_change_are_23_and_25_hours_of_24_cells() -> None:
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)):
        site = site_of("Europe/Berlin", day, 1)
        assert site.cells.seconds.sum() == hours * 3600
        assert (site.end - site.times[0]) / np.timedelta64(1, "h") == hours
