"""What is asked of people: what the network is least sure of, spread over homes and appliances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from smartwatts_ml.kinds.nilm.details import Duration
from smartwatts_ml.kinds.nilm.questions import questions
from smartwatts_ml.readings.base import Readings, SiteReadings, SiteSpan
from smartwatts_ml.readings.labels import Label

START = np.datetime64("2026-03-01T00:00:00")
DAYS = 20
NAMES = ("dishwasher", "fridge", "kettle")


class Details:
    period_s = 60
    on_cuts = dict.fromkeys(NAMES, 0.3)
    durations = dict.fromkeys(NAMES, Duration(120.0, 60.0))


class Sure:
    """A network that reads its on-probability from mains: what is written there in hundredths."""

    appliances = NAMES
    details = Details()

    def outputs(self, mains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        on = np.stack([(mains // 100**k % 100) / 100 for k in range(3)], axis=1)
        return on * 2000, on


class Homes(Readings):
    def __init__(self, homes: dict[str, np.ndarray], labels: Sequence[Label] = ()) -> None:
        self._homes = homes
        self._labels = tuple(labels)

    def spans(self) -> tuple[SiteSpan, ...]:
        end = START + np.timedelta64(DAYS, "D")
        return tuple(SiteSpan(name, ("mains",), START, end, 1, 60) for name in self._homes)

    def labels(self) -> tuple[Label, ...]:
        return self._labels

    def load(self, site: str, period_s: int, *_: Any, **__: Any) -> SiteReadings:
        mains = self._homes[site]
        return SiteReadings(site, START, 60, {"mains": mains}, timezone="Europe/Paris")


def home(*runs: tuple[int, int, str, float]) -> np.ndarray:
    """Minutes, appliance and probability of each run."""
    mains = np.zeros(DAYS * 1440)
    for first, minutes, name, chance in runs:
        mains[first : first + minutes] += round(chance * 100) * 100 ** NAMES.index(name)
    return mains


LATE = 15 * 1440


def test_the_least_sure_with_the_most_energy_come_first_and_only_new_days_count() -> None:
    runs = [
        (LATE, 60, "dishwasher", 0.5),
        (LATE + 500, 60, "dishwasher", 0.9),
        (LATE + 1000, 10, "dishwasher", 0.5),
        (LATE + 1500, 60, "dishwasher", 0.05),
        (10, 60, "dishwasher", 0.5),
    ]
    asked = questions(Sure(), Homes({"a": home(*runs)}), 10, about_one_home=9)  # type: ignore[arg-type]
    minutes = [int((q.start - START) / np.timedelta64(60, "s")) - LATE for q in asked]
    assert minutes == [0, 500, 1000] or minutes == [0, 1000, 500]
    first = asked[0]
    assert first.end - first.start == np.timedelta64(3600, "s")
    assert (first.probability, first.mean_w) == (0.5, 2000.0)
    assert first.energy_kwh == pytest.approx(2.0) and first.timezone == "Europe/Paris"


def test_they_are_spread_over_homes_and_appliances() -> None:
    homes = {
        f"h{n}": home(
            *((LATE + 200 * k, 90, "dishwasher", 0.5) for k in range(8)),
            *((LATE + 2000 + 50 * k, 3, "kettle", 0.4) for k in range(8)),
        )
        for n in range(6)
    }
    asked = questions(Sure(), Homes(homes), 10)  # type: ignore[arg-type]
    assert len(asked) == 10
    assert max(Counter(q.site for q in asked).values()) == 2
    assert Counter(q.appliance for q in asked) == {"dishwasher": 5, "kettle": 5}


def test_what_was_answered_or_runs_by_itself_is_not_asked() -> None:
    cycles = [(minute, 20, "fridge", 0.6) for minute in range(0, DAYS * 1440 - 60, 60)]
    run = (LATE, 60, "dishwasher", 0.5)
    assert not questions(Sure(), Homes({"a": home(*cycles)}), 10)  # type: ignore[arg-type]
    start = START + np.timedelta64(LATE + 59, "m")
    given = Label("a", "dishwasher", start, start + np.timedelta64(1, "h"), True)
    other = Label("b", "dishwasher", given.start, given.end, True)
    for label, count in ((given, 0), (other, 1)):
        asked = questions(Sure(), Homes({"a": home(run)}, [label]), 10)  # type: ignore[arg-type]
        assert len(asked) == count
