"""The exam: not what training injects, always the same, and long enough for a single home."""

from __future__ import annotations

import hashlib

import numpy as np

from smartwatts_ml.kinds.anomaly.evaluation import evaluate
from smartwatts_ml.kinds.anomaly.exam import EXAM, examine
from smartwatts_ml.kinds.anomaly.injection import CHANGES, inject
from smartwatts_ml.kinds.anomaly.layout import TYPES
from smartwatts_ml.readings.base import SiteReadings

from .conftest import MemoryReadings, made_home, scored_from

FROZEN = "e411895f99be9219"
"""Whoever changes the exam makes verdicts of before and after incomparable: say so in the
changelog, and give it a new number."""


def test_the_exam_stays_as_it_is_to_the_bit() -> None:
    hour = np.arange(200 * 24)
    values = (300 + 200 * (hour % 24 >= 18) + 10 * (hour % 7)).astype(np.float32)
    examined = examine(values, (hour % 168).astype(np.float32), hour >= 1000, (0, 1), count=28)
    rounded = np.round(examined.values.astype(np.float64), 1)
    digest = hashlib.sha256(rounded.tobytes() + examined.codes.tobytes()).hexdigest()
    assert digest[:16] == FROZEN


def test_it_has_the_types_of_training_by_other_means() -> None:
    assert tuple(EXAM) == TYPES
    assert not {change for *_, change in EXAM.values()} & {
        change for *_, change in CHANGES.values()
    }
    values = made_home("home", 200, 3).channels["mains"]
    hours = np.arange(len(values), dtype=np.float32) % 168
    allowed = np.arange(len(values)) >= 1000
    learned = inject(values, hours, allowed, 0, count=28)
    examined = examine(values, hours, allowed, 0, count=28)
    assert {event.type for event in examined.events} == set(TYPES)
    assert not np.array_equal(learned.values, examined.values, equal_nan=True)
    for event in examined.events:
        low, high, _ = EXAM[event.type]
        assert low <= event.hours <= high
        assert event.start >= 1000


class Silent:
    """A system that says nothing."""

    def score(self, site: SiteReadings, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(len(at)), np.zeros(len(at), bool)


def test_a_single_home_is_examined_until_every_type_was_there_and_counts_its_weeks_once() -> None:
    readings = MemoryReadings([scored_from(made_home("home", 44, 0), 30)])
    scores = evaluate({"silent": Silent()}, readings, 0)["silent"]
    assert all(row["events"] >= 5 for row in scores.tables["events by type"].values())
    assert len(scores.weeks) == len(set(scores.weeks.tolist()))
