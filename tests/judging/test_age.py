"""One meter whose clock is wrong makes no champion young, old, or beyond judging."""

from __future__ import annotations

import numpy as np
import pytest

from smartwatts_ml.judging.age import Learned, weeks_older
from smartwatts_ml.judging.trained_on import TrainedOn, later_starts
from smartwatts_ml.readings.base import MAINS, SiteSpan
from smartwatts_ml.readings.holdout import make_split
from smartwatts_ml.settings import HoldoutSettings

MADE, NOW = np.datetime64("2026-01-05", "s"), np.datetime64("2026-03-30", "s")
WEEKS = 12.0
DAY = np.timedelta64(1, "D")
FAR = np.datetime64("2099-01-01", "s")


def learned(clock: np.datetime64, ahead: int, behind: int = 0, *, known: bool = True) -> Learned:
    """What was learned at five homes by then, of which some have stamps of the future, and
    others gave nothing since the champion was made."""
    ends = dict.fromkeys([f"home{i}" for i in range(5)], clock - 30 * DAY)
    ends |= dict.fromkeys([f"home{i}" for i in range(ahead)], FAR)
    ends |= dict.fromkeys([f"home{i}" for i in range(5 - behind, 5)], MADE - 30 * DAY)
    last = FAR if ahead else clock
    return Learned(TrainedOn(ends, {}) if known else None, last, clock)


HOMES = [f"home{i}" for i in range(5)]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("then", "now"), [(0, 0), (1, 1), (0, 1), (5, 5), (1, 0)])
def test_stamps_of_the_future_keep_no_champion_young(then: int, now: int, known: bool) -> None:
    before, after = learned(MADE, then, known=known), learned(NOW, now, known=known)
    assert weeks_older(before, after, HOMES) == pytest.approx(WEEKS)


def test_homes_that_gave_nothing_since_count_as_homes_and_not_more() -> None:
    before = learned(MADE, 0)
    assert weeks_older(before, learned(NOW, 0, behind=2), HOMES) == WEEKS
    assert weeks_older(before, learned(NOW, 0, behind=3), HOMES) == 0
    assert weeks_older(before, learned(NOW, 0, behind=3), HOMES[:2]) == WEEKS, "the others left"


def test_readings_of_another_year_tell_their_own_time() -> None:
    """What is replayed from old readings is no older for the clock of today, even where one home
    has none of that year."""
    then, now = np.datetime64("2014-01-05", "s"), np.datetime64("2014-01-26", "s")
    ends = [dict.fromkeys(HOMES, end) | {"home0": FAR} for end in (then, now)]
    before, after = (
        Learned(TrainedOn(found, {}), FAR, clock)
        for found, clock in zip(ends, (MADE, NOW), strict=True)
    )
    assert weeks_older(before, after, HOMES) == 3


def test_where_no_end_is_known_neither_is_the_age() -> None:
    unknown = Learned(None, None, NOW)
    assert weeks_older(unknown, learned(NOW, 0), HOMES) is None


def test_one_site_ahead_keeps_no_champion_without_records_from_being_judged() -> None:
    """Its file names the latest end alone, which is that of the meter that is wrong."""
    start = np.datetime64("2025-06-01", "s")
    spans = [
        SiteSpan(f"home{i}", (MAINS,), start, FAR if i == 0 else NOW, 24 * 300, 3600)
        for i in range(5)
    ]
    split = make_split(spans, HoldoutSettings(), embargo_s=86_400)
    details = {"trained": {"to": str(FAR)}}
    starts = later_starts(split, spans, details, None, str(FAR), MADE)
    assert set(starts) == {"home0"}
