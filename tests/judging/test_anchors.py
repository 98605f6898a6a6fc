"""Which earlier versions a challenger's guards hold against."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from smartwatts_ml.judging.anchors import versions_of_the_year
from smartwatts_ml.store import HistoryEntry

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def entry(version: int, weeks_ago: float) -> HistoryEntry:
    time = (NOW - timedelta(weeks=weeks_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return HistoryEntry("nilm", 1, "promote", version, "", 0, None, "", "", "", "", time)


def test_a_version_counts_until_a_year_after_it_was_replaced() -> None:
    history = [entry(1, 300), entry(2, 60), entry(3, 20), entry(4, 1)]
    assert versions_of_the_year(history, NOW) == [2, 3], "1 was replaced 60 weeks ago"
    assert versions_of_the_year(history[:1], NOW) == []
    assert versions_of_the_year([], NOW) == []


def test_the_one_in_force_is_no_anchor_even_if_it_was_in_force_before() -> None:
    history = [entry(1, 30), entry(2, 20), entry(1, 10)]
    assert versions_of_the_year(history, NOW) == [2]


@given(st.lists(st.floats(0, 200), min_size=2, max_size=60))
def test_of_many_the_oldest_and_the_newest_are_among_a_few(weeks: list[float]) -> None:
    ages = sorted(weeks, reverse=True)
    history = [entry(version, age) for version, age in enumerate(ages, 1)]
    anchors = versions_of_the_year(history, NOW)
    assert len(anchors) <= 4 and anchors == sorted(set(anchors))
    replaced = [v for v, end in enumerate(ages[1:], 1) if timedelta(weeks=end) <= timedelta(365)]
    if replaced:
        assert (anchors[0], anchors[-1]) == (replaced[0], replaced[-1])
