"""Hour-of-week follows the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smartwatts_ml.localtime import hour_of_week, local_days

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")


@given(st.lists(st.integers(0, 4_000_000_000), min_size=1, max_size=20), st.sampled_from(ZONES))
def test_hour_of_week_is_what_the_calendar_says(epochs: list[int], timezone: str) -> None:
    times = np.array(epochs).astype("datetime64[s]")
    local = [datetime.fromtimestamp(e, UTC).astimezone(ZoneInfo(timezone)) for e in epochs]
    assert hour_of_week(times, timezone).tolist() == [t.weekday() * 24 + t.hour for t in local]
    assert local_days(times, timezone).tolist() == [t.date() for t in local]


def test_a_clock_that_springs_forward_skips_an_hour_and_one_that_falls_back_repeats_one() -> None:
    def around(day: str) -> list[int]:
        times = np.datetime64(day) + np.arange(4) * np.timedelta64(3600, "s")
        return hour_of_week(times, "Europe/Berlin").tolist()

    assert around("2026-03-28T23:00:00") == [144, 145, 147, 148]
    assert around("2026-10-24T23:00:00") == [145, 146, 146, 147]
