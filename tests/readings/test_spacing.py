"""How long a reading lasts: against a plain oracle, and for spacings as meters have them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartwatts_ml.readings.spacing import own_intervals
from tests.readings.spacings import any_stamps, lasting

QUARTER, HOUR, DAY = 900, 3600, 86_400


@given(any_stamps(), st.sampled_from([None, 60_000_000, 900_000_000]))
def test_readings_last_as_the_plain_rule_says(stamps: np.ndarray, usual: int | None) -> None:
    lengths, _ = own_intervals(stamps, usual)
    assert lengths.tolist() == lasting(stamps.tolist(), usual)


@given(any_stamps())
def test_no_reading_lasts_beyond_the_next(stamps: np.ndarray) -> None:
    lengths, spacing = own_intervals(stamps)
    assert np.all(lengths[:-1] <= np.diff(stamps))
    assert np.all(lengths <= 1.5 * spacing)
    assert np.all(lengths[1:] > 0)


@given(any_stamps())
def test_ends_are_starts_backwards(stamps: np.ndarray) -> None:
    lengths, _ = own_intervals(stamps, ends=True)
    assert lengths.tolist() == own_intervals(-stamps[::-1])[0][::-1].tolist()


def steps(*parts: tuple[int, int]) -> np.ndarray:
    """Stamps with so many gaps of so many seconds, part after part."""
    return np.cumsum([0, *(gap for count, gap in parts for _ in range(count))])


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        (steps((20, HOUR), (36, QUARTER)), [HOUR] * 20 + [QUARTER] * 37),
        (steps((36, QUARTER), (20, HOUR)), [QUARTER] * 36 + [HOUR] * 21),
        (steps((36, QUARTER), (3, HOUR)), [QUARTER] * 36 + [HOUR] * 4),
        (steps((9, QUARTER), (1, 18 * HOUR), (9, QUARTER)), [QUARTER] * 20),
        (steps((9, QUARTER), (1, HOUR), (9, QUARTER)), [QUARTER] * 20),
        (steps((9, QUARTER), (1, 5 * HOUR), (9, HOUR)), [QUARTER] * 10 + [HOUR] * 10),
        (steps((9, HOUR), (1, 5 * HOUR), (9, QUARTER)), [HOUR] * 10 + [QUARTER] * 10),
        (steps((1, 9 * HOUR), (9, QUARTER)), [QUARTER] * 11),
        (steps((20, DAY), (1, 23 * HOUR), (5, DAY), (1, 25 * HOUR), (5, DAY)),
         [DAY] * 20 + [23 * HOUR] + [DAY] * 5 + [25 * HOUR] + [DAY] * 6),
        (steps((2, QUARTER), (1, 6 * QUARTER)), [QUARTER] * 4),
    ],
)  # fmt: skip
def test_a_spacing_changes_and_a_hole_stretches_nothing(
    stamps: np.ndarray, expected: list[int]
) -> None:
    assert own_intervals(stamps)[0].tolist() == expected


@pytest.mark.parametrize("lost", [0.05, 0.2, 0.5])
def test_readings_that_are_lost_now_and_then_are_no_other_spacing(lost: float) -> None:
    chance = np.random.default_rng(7)
    stamps = np.arange(35_000) * QUARTER
    kept = stamps[chance.random(len(stamps)) >= lost]
    assert set(own_intervals(kept)[0].tolist()) == {QUARTER}


def test_a_logger_that_jitters_has_no_holes() -> None:
    stamps = np.cumsum(np.random.default_rng(7).integers(6, 9, 10_000))
    lengths, _ = own_intervals(stamps)
    assert np.array_equal(lengths[:-1], np.diff(stamps))


def test_one_stamp_lasts_as_usual() -> None:
    assert [own_intervals(np.array([5]), usual)[0].tolist() for usual in (None, 60)] == [[0], [60]]
    assert own_intervals(np.array([0, 9000]), 900)[0].tolist() == [900, 900]
