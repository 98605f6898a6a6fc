"""Alerts by the answers of people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smartwatts_ml.kinds.anomaly import KIND
from smartwatts_ml.kinds.anomaly.answered import AnsweredAlerts, answered_alerts
from smartwatts_ml.kinds.anomaly.evaluation import evaluate
from smartwatts_ml.readings.base import SiteReadings
from smartwatts_ml.readings.labels import ALERT, Label

from .conftest import START, MemoryReadings, made_home, scored_from
from .test_metrics import Fixed


class Answered(MemoryReadings):
    """Homes of which people said something."""

    def __init__(self, sites: Sequence[SiteReadings], answers: Sequence[Label]) -> None:
        super().__init__(sites)
        self._answers = tuple(answers)

    def labels(self) -> tuple[Label, ...]:
        return self._answers


def label(first: float, last: float, yes: bool, appliance: str = ALERT) -> Label:
    """Of hours since the start."""
    start, end = (START + np.timedelta64(round(hour * 3600), "s") for hour in (first, last))
    return Label("home", appliance, start, end, yes)


HOME = scored_from(made_home("home", 30, 0), 10)
ANSWERS = [
    label(300, 303, True),
    label(350, 352, True),
    label(400, 401, False),
    label(450.5, 450.7, False),
    label(500, 510, False),
    label(300, 303, False, "kettle"),
]


def test_of_each_answered_period_it_counts_whether_the_system_alerts_in_it() -> None:
    loud = Fixed(dict.fromkeys([302, 303, 349, 352, 400, 450, 600], 1.0))
    counted = answered_alerts({"loud": loud, "quiet": Fixed({})}, Answered([HOME], ANSWERS))
    assert counted["loud"] == AnsweredAlerts(real=2, false=3, real_raised=1, false_raised=2)
    assert counted["quiet"] == AnsweredAlerts(real=2, false=3)
    assert counted["loud"].metrics() == {
        "answered_alerts": 3.0,
        "answered_precision": 1 / 3,
        "answered_recall": 0.5,
    }
    assert counted["quiet"].metrics() == {"answered_alerts": 0.0, "answered_recall": 0.0}
    assert "alerts in 3, 1 of them rightly, and misses 1" in counted["loud"].note


def test_without_answers_scores_are_what_they_were_and_with_them_they_say_more() -> None:
    systems = {"fixed": Fixed(dict.fromkeys([302, 400], 1.0))}
    before = evaluate(systems, MemoryReadings([HOME]), 0)["fixed"]
    assert set(before.extra) == {"vus_pr"} and len(before.notes) == 1
    other = evaluate(systems, Answered([HOME], ANSWERS[-1:]), 0)["fixed"]
    assert (other.extra, other.notes) == (before.extra, before.notes)
    after = evaluate(systems, Answered([HOME], ANSWERS), 0)["fixed"]
    assert np.array_equal(after.sums, before.sums) and after.targets == before.targets
    assert after.extra["answered_precision"] == 0.5 and "people answered" in after.notes[1]
    assert {name for name in after.extra if name != "vus_pr"} <= set(KIND.glossary)
    assert not {c.metric for c in KIND.criteria} & after.extra.keys(), "it decides nothing"
