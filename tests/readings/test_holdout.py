"""Training and holdout never share a reading, and follow from the snapshot alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartwatts_ml.readings.base import Readings, SiteReadings, SiteSpan
from smartwatts_ml.readings.holdout import (
    Split,
    hold_out_later,
    holdout_part,
    make_split,
    training_part,
)
from smartwatts_ml.settings import HoldoutSettings

START = np.datetime64("2026-01-01T00:00:00")
HOUR = np.timedelta64(3600, "s")


class Made(Readings):
    """Sites whose hourly value is the hour's number."""

    def __init__(self, days: Sequence[int]) -> None:
        self._hours = {f"home{i}": 24 * n for i, n in enumerate(days)}

    def spans(self) -> tuple[SiteSpan, ...]:
        return tuple(
            SiteSpan(site, ("mains",), START, START + n * HOUR, n, 3600)
            for site, n in self._hours.items()
        )

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        values = np.arange(self._hours[site], dtype=np.float32)
        return SiteReadings(site, START, 3600, {"mains": values})


def split_of(readings: Readings) -> Split:
    return make_split(readings.spans(), HoldoutSettings(max_sites=30), embargo_s=86_400)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=20))
def test_no_reading_is_both_trained_on_and_scored(days: list[int]) -> None:
    readings = Made(days)
    split = split_of(readings)
    trained = {s.site: s.end for s in training_part(readings, split).iterate(3600)}
    for site in holdout_part(readings, split).iterate(3600):
        assert site.score_from is not None
        if site.site in trained:
            assert trained[site.site] + split.embargo <= site.score_from
            assert site.site not in split.held_out_sites


@given(st.lists(st.integers(60, 200), min_size=10, max_size=40))
def test_from_ten_sites_on_ten_to_twenty_percent_are_never_trained_on(days: list[int]) -> None:
    split = split_of(Made(days))
    assert 0.1 <= len(split.held_out_sites) / len(days) <= 0.2


def test_of_very_many_sites_some_are_judged_seen_and_never_seen_alike() -> None:
    readings = Made([60] * 400)
    split = split_of(readings)
    judged = {span.site for span in holdout_part(readings, split).spans()}
    assert len(judged) == 30
    assert len(judged & split.held_out_sites) == round(0.15 * 30 - 0.01)
    assert len(training_part(readings, split).spans()) == 400 - len(split.held_out_sites)


def test_up_to_the_limit_every_site_is_judged() -> None:
    readings = Made([60] * 30)
    assert len(holdout_part(readings, split_of(readings)).spans()) == 30


def test_few_sites_are_split_by_time_alone() -> None:
    assert not split_of(Made([100] * 9)).held_out_sites


def test_the_same_snapshot_gives_the_same_split() -> None:
    assert split_of(Made([90] * 12)).digest == split_of(Made([90] * 12)).digest
    assert split_of(Made([90] * 12)).digest != split_of(Made([91] * 12)).digest


def test_the_holdout_is_the_newest_fifth_and_at_least_a_week() -> None:
    split = split_of(Made([100, 20]))
    assert (START + 2400 * HOUR - split.holdout_start["home0"]) / HOUR == 20 * 24
    assert (START + 480 * HOUR - split.holdout_start["home1"]) / HOUR == 7 * 24


class Counted(Made):
    """Counts what is loaded."""

    def __init__(self, days: Sequence[int]) -> None:
        super().__init__(days)
        self.loads: Counter[str] = Counter()

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        self.loads[site] += 1
        return super().load(site, period_s, channels, local=local)


def hours_of(readings: Readings) -> dict[str, list[float]]:
    return {s.site: s.channels["mains"].tolist() for s in readings.iterate(3600, ["mains"])}


def test_a_holdout_that_is_gone_through_again_is_loaded_once() -> None:
    readings = Counted([100] * 9)
    holdout = holdout_part(readings, split_of(readings), keep_bytes=1 << 20)
    first = hours_of(holdout)
    later = hold_out_later(split_of(readings), {"home1": START + 2399 * HOUR})
    again = holdout_part(holdout, later)
    assert hours_of(holdout) == hours_of(again) == first
    assert set(readings.loads.values()) == {1}
    assert again.load("home1", 3600, ["mains"]).score_from == START + 2399 * HOUR
    assert holdout.load("home1", 3600, ["mains"]).score_from != START + 2399 * HOUR
    holdout.load("home1", 3600)
    assert readings.loads["home1"] == 2  # other channels are another load


def test_only_so_much_is_kept_and_nobody_can_change_it() -> None:
    readings = Counted([100] * 9)
    holdout = holdout_part(readings, split_of(readings), keep_bytes=4 * 2400 * 4 + 5)
    assert hours_of(holdout) == hours_of(holdout)
    assert sorted(readings.loads.values()) == [1] * 4 + [2] * 5
    with pytest.raises(ValueError, match="read-only"):
        holdout.load("home0", 3600, ["mains"]).channels["mains"][0] = 1.0


def test_training_tells_what_it_gave() -> None:
    readings = Made([100] * 9)
    training = training_part(readings, split_of(readings))
    training.load("home3", 3600)
    assert training.loaded_until == {"home3": START + 79 * 24 * HOUR}
