"""A home that is nearly vacant does not decide for the others, though its ratio is the largest."""

from __future__ import annotations

import numpy as np
import pytest

from smartwatts_ml.gate import CHALLENGER, CHAMPION, Facts, judge
from smartwatts_ml.judging.record import judgement_of, rules_of
from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.forecasting.metrics import STATS, measure
from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import GateSettings, Settings

WEEKS, HOURS = 5, 168
VACANT = "home00"


def forecasts(homes: int, vacant: float, others: float) -> Scores:
    """Errors times ``vacant`` in the home that uses next to nothing, and ``others`` elsewhere."""
    rng = np.random.default_rng(3)
    blocks, names = [], np.repeat([f"home{i:02d}" for i in range(homes)], WEEKS)
    for name in names:
        use, factor = (0.4, vacant) if name == VACANT else (400.0, others)
        truth = use * rng.uniform(0.5, 1.5, HOURS)
        error = 100.0 * factor * rng.standard_normal(HOURS)
        middle = truth + (error if name != VACANT else 2 * error)
        width = 128 * factor * (2 if name == VACANT else 1)
        blocks.append(measure(truth, middle[:, None] + width * np.array([-1, 0, 1]), 100.0))
    weeks = np.tile(np.datetime64("2026-01-05") + 7 * np.arange(WEEKS), homes)
    return Scores(("mains",), STATS, names, weeks, np.stack(blocks)[:, None])


@pytest.mark.parametrize("policy", ["careful", "fresh"])
@pytest.mark.parametrize("homes", [3, 9, 17])
def test_a_home_that_is_nearly_vacant_does_not_decide_for_the_others(
    homes: int, policy: str
) -> None:
    kind = find_kind("forecasting")
    scores = {
        CHALLENGER: forecasts(homes, 0.85, 1.2),
        CHAMPION: forecasts(homes, 1.0, 1.0),
        "four_week_mean": forecasts(homes, 3.0, 3.0),
    }
    pooled = {name: kind.work.headline(site_sums(s))["wape"] for name, s in scores.items()}
    assert pooled[CHALLENGER] < pooled[CHAMPION], "or there is nothing to see"
    settings = GateSettings(policy=policy, resamples=100)  # type: ignore[arg-type]
    rules = rules_of(Settings(gate=settings))
    facts = Facts("d", champion_version=1)
    decision = judge(judgement_of(kind, "forecasting_24h", scores, rules, facts))
    assert not decision.accepted, decision.summary
