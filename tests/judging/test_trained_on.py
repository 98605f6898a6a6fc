"""What a challenger learned from is seen, not believed."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from smartwatts_ml.judging.day_features import day_histograms
from smartwatts_ml.judging.trained_on import (
    TrainedOn,
    changed_unit,
    describe_training,
    leaks,
)
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, SiteSpan
from smartwatts_ml.readings.holdout import SelectedReadings, make_split, training_part
from smartwatts_ml.settings import HoldoutSettings

HOUR = 3600
START = np.datetime64("2026-01-01T00:00:00", "s")
DAYS = 60


class Homes(Readings):
    """Twelve homes with hourly mains, ``scale`` times their W."""

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale

    def spans(self) -> tuple[SiteSpan, ...]:
        end = START + np.timedelta64(DAYS, "D")
        return tuple(
            SiteSpan(f"home{i:02d}", (MAINS,), START, end, DAYS * 24, HOUR) for i in range(12)
        )

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        hours = np.tile(np.linspace(200.0, 400.0, 24, dtype=np.float32), DAYS)
        return SiteReadings(site, START, period_s, {MAINS: hours * np.float32(self._scale)})


HOMES = Homes()
SPLIT = make_split(HOMES.spans(), HoldoutSettings(), embargo_s=24 * HOUR)


def seen(readings: Readings) -> TrainedOn:
    """What is recorded of a training that loads all that it is given."""
    witnessed = SelectedReadings(readings, readings.spans())
    for _ in witnessed.iterate(HOUR):
        pass
    return describe_training(witnessed, (MAINS,))


def test_training_readings_leak_nothing() -> None:
    assert leaks(SPLIT, seen(training_part(HOMES, SPLIT)), HOUR) == ""


def test_a_training_that_is_given_everything_is_told_by_the_sites_held_out() -> None:
    said = leaks(SPLIT, seen(HOMES), HOUR)
    assert re.fullmatch(r"the challenger was trained on \d+ of the sites that are held out", said)


def test_a_training_that_reaches_into_the_embargo_is_told() -> None:
    seen_sites = [span.site for span in HOMES.spans() if span.site not in SPLIT.held_out_sites]
    ends = {site: SPLIT.holdout_start[site] - SPLIT.embargo for site in seen_sites}
    assert leaks(SPLIT, TrainedOn(ends, {}), HOUR) == ""
    ends[seen_sites[0]] += np.timedelta64(1, "h")
    said = leaks(SPLIT, TrainedOn(ends, {}), HOUR)
    assert said.endswith("or too close before it, at 1 of 10 sites")


@pytest.mark.parametrize("unknown", [None, TrainedOn({}, {})])
def test_a_training_of_which_nothing_is_known_is_not_trusted(unknown: TrainedOn | None) -> None:
    assert leaks(SPLIT, unknown, HOUR) == "what the challenger was trained on is not known"


@pytest.mark.parametrize("scale", [0.001, 1000.0])
def test_another_unit_in_training_is_told(scale: float) -> None:
    said = changed_unit(seen(Homes(scale)), day_histograms(HOMES, (MAINS,)))
    assert f"a day's mean is {300 * scale:.3g} W in training and 300 W in the holdout" in said


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_what_a_season_or_other_homes_may_do_is_no_other_unit(scale: float) -> None:
    assert changed_unit(seen(Homes(scale)), day_histograms(HOMES, (MAINS,))) == ""
