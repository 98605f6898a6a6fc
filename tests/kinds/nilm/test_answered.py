"""What people said of homes without sub-meters: windows of it, and what a network learns."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.kinds.nilm import KIND
from smartwatts_ml.kinds.nilm.answered import answered
from smartwatts_ml.readings.base import SiteReadings, SiteSpan
from smartwatts_ml.readings.labels import Label
from tests.kinds.nilm.homes import START, Made

WINDOW = 64
NAMES = ("heater", "kettle")
BARE = "home7"


class Asked(Made):
    """Homes with sub-meters; ``BARE`` has mains alone, and people said something of it."""

    def __init__(self, labels: Sequence[Label], homes: int = 1) -> None:
        super().__init__(homes)
        self._homes |= Made(1, first=7)._homes
        self._labels = tuple(labels)

    def spans(self) -> tuple[SiteSpan, ...]:
        return tuple(span for span in super().spans() if span.site != BARE)

    def labels(self) -> tuple[Label, ...]:
        return self._labels

    def truth(self) -> SiteReadings:
        """What no sub-meter of the home says."""
        return self._homes[BARE]

    def load(self, site: str, *asked: Any, **how: Any) -> SiteReadings:
        loaded = super().load(site, *asked, **how)
        if site != BARE:
            return loaded
        return replace(loaded, channels={"mains": loaded.channels["mains"]})


def label(first: float, last: float, yes: bool, name: str = "heater", site: str = BARE) -> Label:
    """Of minutes since the start."""
    start, end = (START + np.timedelta64(round(minute * 60), "s") for minute in (first, last))
    return Label(site, name, start, end, yes)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 8 * 1440 - 1), st.integers(1, 300), st.booleans(), st.sampled_from(NAMES)
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 99),
)
@example(said=[(2765, 300, False, "heater")], seed=1)  # most of it while mains are missing
def test_windows_claim_what_was_said_of_samples_that_are_known_and_nothing_else(
    said: list[tuple[int, int, bool, str]], seed: int
) -> None:
    minutes = 8 * 1440
    labels = [label(a, min(a + n, minutes), yes, name) for a, n, yes, name in said]
    readings = Asked(labels)
    learned, _ = answered(readings, NAMES, 60, WINDOW, 10**7, seed)
    if learned is None:
        return
    mains = readings.load(BARE, 60).channels["mains"]
    off, ran = np.zeros((minutes, 2), bool), np.zeros((minutes, 2), bool)
    for a, n, yes, name in said:
        (ran if yes else off)[a : a + n, NAMES.index(name)] = True
    batch = learned.batch(16)
    assert batch.mains.shape == (16, WINDOW) and batch.off.shape == batch.ran.shape
    padded = np.pad(mains, WINDOW, constant_values=np.nan)
    views = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    for row in range(16):
        at = [i for i in _alike(views, batch.mains[row])]
        assert at, "every window is one of mains"
        claims = batch.off[row] > 0, batch.ran[row] > 0
        known = np.isfinite(batch.mains[row])[:, None]
        assert not (claims[0] & ~known).any() and not (claims[1] & ~known).any()
        assert any(
            _within(claims[0], off, i - WINDOW) and _within(claims[1], ran, i - WINDOW) for i in at
        )
        assert claims[0].any() or claims[1].any()


def _alike(views: np.ndarray, window: np.ndarray) -> np.ndarray:
    some = np.flatnonzero(np.isfinite(window))[0]
    at = np.flatnonzero(views[:, some] == window[some])
    return np.array([i for i in at if np.array_equal(views[i], window, equal_nan=True)])


def _within(claimed: np.ndarray, said: np.ndarray, start: int) -> bool:
    rows, names = np.nonzero(claimed)
    return bool(said[rows + start, names].all())


def test_what_is_measured_too_long_or_of_nothing_teaches_nothing() -> None:
    useless = [
        label(100, 130, True, site="home0"),
        label(100, 100 + WINDOW + 1, True),
        label(3010, 3100, False),
        label(100.2, 100.9, False),
        label(100, 130, True, "iron"),
        label(100, 130, True, "alert"),
    ]
    learned, notes = answered(Asked(useless), NAMES, 60, WINDOW, 10**7, 0)
    assert learned is None and notes == ["learned from 0 of 4 answers of people, about 0 homes"]
    assert answered(Asked([]), NAMES, 60, WINDOW, 10**7, 0) == (None, [])
    learned, notes = answered(Asked([*useless, label(5, 9, True)]), NAMES, 60, WINDOW, 10**7, 0)
    assert learned is not None and len(learned) == 1
    assert notes == ["learned from 1 of 5 answers of people, about 1 home"]


def test_of_more_answers_than_fit_into_memory_the_newest_stay() -> None:
    labels = [label(minute, minute + 5, True) for minute in range(0, 2000, 10)]
    learned, _ = answered(Asked(labels), NAMES, 60, WINDOW, 10 * 3 * WINDOW * 20, 0)
    assert learned is not None and len(learned) == 20


def test_answers_that_all_overlap_cost_no_more_memory_than_others() -> None:
    labels = [label(100 + n / 100, 1500, False) for n in range(1000)]
    readings = Asked(labels)
    tracemalloc.start()
    learned, _ = answered(readings, NAMES, 60, 512, 3_000_000, 0)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert learned is not None and most < 32 << 20


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SIMULATED_HOMES": 0,
        "STEPS": 30,
        "WINDOW_MINUTES": WINDOW,
        "MEMBERS": 1,
        "LABEL_WEIGHT": 1,
    }.items():
        monkeypatch.setenv(f"SMARTWATTS_NILM_{name}", str(value))


def _trained(readings: Made, epochs: int) -> tuple[list[np.ndarray], Any, tuple[str, ...]]:
    options = TrainOptions(epochs=epochs, seed=1, batch_size=8)
    trained = KIND.trainer.train(KIND.spec(), readings, options, lambda *_: None)
    return trained.network.get_weights(), trained.network, trained.notes


@pytest.mark.slow
def test_answers_that_teach_nothing_change_no_bit_and_the_same_ones_give_the_same_network(
    small: None,
) -> None:
    none, _, _ = _trained(Asked([]), 1)
    useless, _, _ = _trained(Asked([label(100, 130, True, "iron")]), 1)
    some = [label(minute, minute + 30, False) for minute in range(0, 4000, 100)]
    (first, _, notes), (again, _, _) = (_trained(Asked(some), 1) for _ in range(2))
    assert all(map(np.array_equal, none, useless))
    assert all(map(np.array_equal, first, again))
    assert not all(map(np.array_equal, none, first))
    assert any("answers of people, about 1 home" in note for note in notes)


@pytest.mark.slow
def test_what_people_deny_is_said_less_and_what_they_confirm_more(small: None) -> None:
    """Loads for two hours look like the heater, which runs for half an hour."""
    truth = Asked([]).truth()
    heater = truth.channels["heater"]
    mains = truth.channels["mains"]
    looks = np.flatnonzero((mains > 800) & (mains < 1300) & (heater == 0))
    starts = looks[np.concatenate([[True], np.diff(looks) > 60])]
    denied = [label(int(a), int(a) + 50, False) for a in starts]
    _, before, _ = _trained(Asked([], homes=2), 4)
    _, after, _ = _trained(Asked(denied, homes=2), 4)

    def chance(network: Any) -> float:
        windows = np.stack([mains[a : a + WINDOW] for a in starts if a + WINDOW < len(mains)])
        on = network.predict_on_batch(windows[..., None])["on_probability"]
        return float(np.nanmean(on[:, :50, NAMES.index("heater")]))

    assert chance(after) < 0.7 * chance(before)
