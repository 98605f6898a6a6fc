"""What a refitted model has to be like before it ships: as the one that was judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.gate_tables import CRITERIA, Scenario, Tables, headline, simulate_tables
from smartwatts_ml.gate import CHALLENGER, CHAMPION, Check, Facts, Judgement
from smartwatts_ml.gate.refit import parity_of_behaviour
from smartwatts_ml.judging.record import rules_of
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import GateSettings, Settings

RULES = rules_of(Settings(gate=GateSettings(resamples=100)))
JUDGED = simulate_tables(Scenario("equal"), Tables(17), 0)


def failed(change: Callable[[Scores], np.ndarray], difference: float = 0.1) -> list[str]:
    """What a refit whose sums are those of the judged one, changed, does not keep."""
    judged = replace(JUDGED[CHAMPION], bands={})
    scores = {
        CHAMPION: judged,
        CHALLENGER: replace(judged, sums=change(judged)),
        "simple": replace(JUDGED["simple"], bands={}),
    }
    judgement = Judgement(
        "simulated", CRITERIA, ("loss", "guarded"), headline, scores, RULES, Facts("d", 1)
    )
    checks: tuple[Check, ...] = parity_of_behaviour(judgement, {"power_w": difference}, 0.5)
    return [check.text for check in checks if not check.passed]


def at_one_home(factor: float) -> Callable[[Scores], np.ndarray]:
    def changed(scores: Scores) -> np.ndarray:
        sums = scores.sums.copy()
        sums[scores.sites == scores.sites[0], :, 0] *= factor
        return sums

    return changed


def test_one_that_is_the_same_or_better_ships() -> None:
    assert not failed(lambda judged: judged.sums)
    assert not failed(lambda judged: judged.sums * [0.5, 1, 0.9])
    assert not failed(lambda judged: judged.sums * [1.01, 1, 1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda judged: judged.sums * [1.05, 1, 1], "may be worse by 2%"),
        (at_one_home(3.0), "site home"),
        (lambda judged: judged.sums * [0.9, 1, 1.2], "against champion"),
        (at_one_home(np.nan), "not finite at 1 site"),
    ],
)
def test_one_that_is_worse_anywhere_on_what_it_knows_by_heart_does_not(
    change: Callable[[Scores], np.ndarray], said: str
) -> None:
    assert any(said in text for text in failed(change))


@pytest.mark.parametrize(
    ("difference", "said"), [(0.51, "differs from what was judged by 51%"), (np.nan, "not finite")]
)
def test_one_that_says_something_else_does_not(difference: float, said: str) -> None:
    (text,) = failed(lambda judged: judged.sums, difference)
    assert said in text and text.startswith("power_w ")
