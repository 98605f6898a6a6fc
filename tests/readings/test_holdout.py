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
from smartwatts_ml.readings.labels import Label
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
def test_from_ten_sites_on_some_are_never_trained_on_and_a_third_at_most(days: list[int]) -> None:
    split = split_of(Made(days))
    assert 1 <= len(split.held_out_sites) <= len(days) // 3


def test_of_many_sites_the_share_that_is_asked_for_is_never_trained_on() -> None:
    assert 0.13 <= len(split_of(Made([60] * 2000)).held_out_sites) / 2000 <= 0.17


def test_sites_that_are_never_trained_on_stay_so_as_others_come_and_go() -> None:
    fleet = [60] * 400
    split, grown = split_of(Made(fleet)), split_of(Made([*fleet, *[30] * 100]))
    assert grown.held_out_sites & {f"home{i}" for i in range(400)} == split.held_out_sites
    assert split_of(Made(fleet[:200])).held_out_sites <= split.held_out_sites


class Left(Made):
    """The first sites ended some days before the others."""

    def __init__(self, days: Sequence[int], silent: Sequence[int]) -> None:
        super().__init__(days)
        self._hours |= {f"home{i}": 24 * (days[i] - n) for i, n in enumerate(silent)}


def test_a_site_that_left_is_not_judged_on_and_all_of_it_is_trained_on() -> None:
    readings = Left([200] * 5, silent=(29, 27))
    split = split_of(readings)
    trained = {s.site: len(s) / 24 for s in training_part(readings, split).iterate(3600)}
    judged = {span.site for span in holdout_part(readings, split).spans()}
    assert "home0" not in judged and trained["home0"] == 171
    assert "home1" in judged and trained["home1"] == 173 - 28 - 1


@pytest.mark.parametrize(("homes", "ahead"), [(2, 1), (3, 1), (40, 2), (400, 20)])
def test_stamps_of_the_future_at_few_sites_do_not_make_all_others_sites_that_left(
    homes: int, ahead: int
) -> None:
    readings = Made([3000] * ahead + [200] * (homes - ahead))
    split = split_of(readings)
    assert split.holdout_start.keys() == {f"home{i}" for i in range(homes)}
    assert split_of(Made([3000])).judged_sites == {"home0"}


def test_a_kind_that_needs_more_judges_sites_that_were_silent_for_longer() -> None:
    spans = Left([200] * 5, silent=(29,)).spans()
    split = make_split(spans, HoldoutSettings(), embargo_s=0, least_s=37 * 86_400)
    assert split.judged_sites == {f"home{i}" for i in range(5)}


def test_of_very_many_sites_some_are_judged_seen_and_never_seen_alike() -> None:
    readings = Made([60] * 400)
    split = split_of(readings)
    judged = {span.site for span in holdout_part(readings, split).spans()}
    assert len(judged) == 30
    share = len(split.held_out_sites) / 400
    assert len(judged & split.held_out_sites) == round(share * 30)
    assert len(training_part(readings, split).spans()) == 400 - len(split.held_out_sites)


def test_up_to_the_limit_every_site_is_judged() -> None:
    readings = Made([60] * 30)
    assert len(holdout_part(readings, split_of(readings)).spans()) == 30


def test_few_sites_are_split_by_time_alone() -> None:
    assert not split_of(Made([100] * 9)).held_out_sites


def test_the_same_snapshot_gives_the_same_split() -> None:
    assert split_of(Made([90] * 12)).digest == split_of(Made([90] * 12)).digest
    assert split_of(Made([90] * 12)).digest != split_of(Made([91] * 12)).digest


def test_the_holdout_is_the_newest_fifth_at_least_a_week_and_at_most_four() -> None:
    assert length_h([100, 99, 98]) == [20 * 24, 20 * 24, 20 * 24]
    assert length_h([20]) == [7 * 24]
    assert length_h([2000, 140, 1999]) == [28 * 24, 28 * 24]
    assert length_h([100], least_s=37 * 86_400) == [37 * 24]
    assert length_h([2000], least_s=37 * 86_400) == [(37 + 28) * 24]
    longer = make_split(Made([2000]).spans(), HoldoutSettings(days=35), embargo_s=0)
    assert longer.holdout_start["home0"] == START + (2000 - 35) * 24 * HOUR


def length_h(days: Sequence[int], least_s: int = 0) -> list[float]:
    """Of the holdout of each site that still reports, hours; up to a day more, as it begins at
    midnight."""
    spans = Made(days).spans()
    split = make_split(spans, HoldoutSettings(), embargo_s=86_400, least_s=least_s)
    return [
        (span.end - split.holdout_start[span.site]) / HOUR
        for span in spans
        if span.site in split.holdout_start
    ]


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


class Labelled(Made):
    """The same with answers: of hours of homes, by the number of the home."""

    def __init__(self, days: Sequence[int], said: Sequence[tuple[int, int, int]]) -> None:
        super().__init__(days)
        self._said = tuple(
            Label(f"home{i}", "kettle", START + first * HOUR, START + (first + n) * HOUR, True)
            for i, first, n in said
        )

    def labels(self) -> tuple[Label, ...]:
        return self._said


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(0, 25), st.integers(0, 4800), st.integers(1, 48)), max_size=30),
)
def test_no_label_both_trains_and_judges_and_none_reaches_beyond_its_part(
    days: list[int], said: list[tuple[int, int, int]]
) -> None:
    readings = Labelled(days, said)
    bare = [SiteSpan(f"home{i}", ("mains",), START, START + 2400 * HOUR, 1) for i in (24, 25)]
    split = make_split(
        readings.spans(), HoldoutSettings(max_sites=30), embargo_s=86_400, labelled=bare
    )
    assert split.digest == split_of(readings).digest, "who has no sub-meter moves nothing"
    trained = training_part(readings, split).labels()
    judged = holdout_part(readings, split).labels()
    assert not set(trained) & set(judged)
    starts = {**split.holdout_start, **split.label_ends}
    for label in trained:
        assert label.site not in split.held_out_sites
        assert label.site in split.label_ends or label.site in {s.site for s in readings.spans()}
        assert label.site not in starts or label.end <= starts[label.site]
    for label in judged:
        assert label.site in split.judged_sites and label.start >= split.holdout_start[label.site]
