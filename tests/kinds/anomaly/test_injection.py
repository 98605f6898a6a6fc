"""Injected anomalies: seeded, where they may be, and nothing else touched."""

from __future__ import annotations

import numpy as np
import pytest

from smartwatts_ml.kinds.anomaly.injection import CHANGES, Injected, inject
from smartwatts_ml.kinds.anomaly.layout import TYPES

from .conftest import made_home


def injected(seed: int, count: int = 14, gap: int = 24) -> tuple[np.ndarray, Injected]:
    values = made_home("home", 200, 3).channels["mains"]
    hours = np.arange(len(values), dtype=np.float32) % 168
    allowed = np.arange(len(values)) >= 1000
    return values, inject(values, hours, allowed, seed, count=count, gap=gap)


def test_everything_outside_the_events_is_untouched_bit_for_bit() -> None:
    values, found = injected(0)
    normal = found.codes == 0
    assert found.values[normal].tobytes() == values[normal].tobytes()
    covered = np.zeros(len(values), bool)
    for event in found.events:
        covered[event.start : event.start + event.hours] = True
    assert np.array_equal(covered, ~normal)


def test_one_seed_gives_the_same_anomalies_and_another_gives_others() -> None:
    _, first = injected(0)
    _, again = injected(0)
    _, other = injected(1)
    assert first.events == again.events
    assert np.array_equal(first.values, again.values, equal_nan=True)
    assert first.events != other.events


def test_events_keep_to_allowed_present_hours_and_their_distance() -> None:
    values, found = injected(0, count=20, gap=30)
    assert len(found.events) > 14
    for event in found.events:
        assert event.start >= 1000
        assert not np.isnan(values[event.start : event.start + event.hours]).any()
    for before, after in zip(found.events, found.events[1:], strict=False):
        assert after.start - before.start - before.hours >= 30


def test_types_come_in_rounds_and_do_what_they_say() -> None:
    values, found = injected(5)
    assert {event.type for event in found.events} == set(TYPES)
    for event in found.events:
        span = slice(event.start, event.start + event.hours)
        old, new = values[span], found.values[span]
        low, high, _ = CHANGES[event.type]
        assert low <= event.hours <= high
        assert (found.codes[span] == 1 + TYPES.index(event.type)).all()
        if event.type == "outage":
            assert new.max() <= 0.02 * np.nanmean(values)
        elif event.type == "stuck":
            assert (new == values[event.start - 1]).all()
        elif event.type in ("high", "scale"):
            assert new == pytest.approx(old * event.size, rel=1e-5)
        elif event.type == "shift":
            assert event.start % 24 == 0
            assert np.array_equal(np.roll(old[:24], int(event.size)), new[:24])
        else:
            assert (new > old).all()


def test_a_device_that_draws_nothing_has_no_anomaly_to_inject() -> None:
    zeros = np.zeros(2000, np.float32)
    hours = np.arange(2000, dtype=np.float32) % 168
    assert inject(zeros, hours, np.ones(2000, bool), 0, count=10).events == ()
    nothing = np.full(2000, np.nan, np.float32)
    assert inject(nothing, hours, np.ones(2000, bool), 0, count=10).events == ()
