"""Each kind's own limits: what a better deciding metric can hide is not published."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from smartwatts_ml.gate import Decision, Facts, judge
from smartwatts_ml.gate.decision import Outcome
from smartwatts_ml.judging.record import judgement_of, rules_of
from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.anomaly.metrics import COUNTS, score_bins
from smartwatts_ml.kinds.anomaly.metrics import STATS as ANOMALY_STATS
from smartwatts_ml.kinds.forecasting.metrics import STATS as FORECAST_STATS
from smartwatts_ml.kinds.forecasting.metrics import measure
from smartwatts_ml.kinds.nilm.metrics import STATS as NILM_STATS
from smartwatts_ml.kinds.nilm.metrics import statistics
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import GateSettings, Settings

SITES, WEEKS, HOURS = 12, 4, 168
KETTLE_W = 500.0


def first_time(name: str, sums: Mapping[str, np.ndarray], details: Any = None) -> Decision:
    """The decision where there is no champion yet; ``sums`` by system, a block each for
    sites and weeks, shape (n_blocks, n_stats)."""
    kind = find_kind(name)
    stats = {"nilm": NILM_STATS, "forecasting": FORECAST_STATS, "anomaly": ANOMALY_STATS}[name]
    sites = np.repeat([f"home{i:02d}" for i in range(SITES)], WEEKS)
    weeks = np.tile(np.datetime64("2026-01-05") + 7 * np.arange(WEEKS), SITES)
    scores = {
        system: Scores(("one",), stats, sites, weeks, values[:, None])
        for system, values in sums.items()
    }
    facts = Facts(split="d", floors=kind.floors(details))
    rules = rules_of(Settings(gate=GateSettings(resamples=200)))
    return judge(judgement_of(kind, name, scores, rules, facts))


def kettles(said: float, *, found: float = 0.0) -> np.ndarray:
    """A kettle that is on for one hour in a hundred and of which a share is ``found``, by one
    who says ``said`` W at other times."""
    rng = np.random.default_rng(0)
    blocks = []
    for _ in range(SITES * WEEKS):
        truth = np.where(rng.random(HOURS) < 0.01, 2000.0, 0.0)
        hit = (rng.random(HOURS) < found) & (truth > 0)
        blocks.append(statistics(truth, np.where(hit, truth, said), KETTLE_W))
    return np.stack(blocks)


def test_a_network_that_never_says_on_is_not_published_for_a_smaller_mae() -> None:
    decision = first_time("nilm", {"challenger": kettles(0), "mean_power": kettles(20)})
    assert decision.outcome is Outcome.CHECK
    assert 'F1 beyond that of always saying "on", at least 0' in decision.summary


def test_one_that_finds_half_of_what_runs_is_published() -> None:
    sums = {"challenger": kettles(0, found=0.5), "mean_power": kettles(20)}
    assert first_time("nilm", sums).accepted


def forecasts(error_w: float, width_w: float) -> np.ndarray:
    """Forecasts that are wrong by ``error_w`` or so, with intervals of ``width_w``."""
    rng = np.random.default_rng(1)
    blocks = []
    for _ in range(SITES * WEEKS):
        truth = rng.uniform(200, 600, HOURS)
        middle = truth + error_w * rng.standard_normal(HOURS)
        quantiles = middle[:, None] + width_w * np.array([-0.5, 0, 0.5])
        blocks.append(measure(truth, quantiles, 100.0))
    return np.stack(blocks)


@pytest.mark.parametrize(
    ("width_w", "accepted"),
    [(5, False), (128, True), (2000, False)],
    ids=["narrow", "right", "wide"],
)
def test_intervals_that_do_not_mean_what_they_say_are_not_published(
    width_w: float, accepted: bool
) -> None:
    sums = {"challenger": forecasts(50, width_w), "last_week": forecasts(100, 250)}
    decision = first_time("forecasting", sums)
    assert decision.accepted is accepted, decision.summary
    assert accepted or "of truth between P10 and P90" in decision.summary


def alarms(rank: float, recall: float) -> np.ndarray:
    """Scores that rank anomalies at ``rank`` and above, with alerts in a share of events."""
    block = np.zeros(len(ANOMALY_STATS))
    counts = {"tp": 20 * recall, "fn": 20 * (1 - recall), "tn": 148, "events": 10}
    counts |= {"events_hit": 10 * recall, "normal_hours": 148}
    for name, value in counts.items():
        block[COUNTS.index(name)] = value
    block[len(COUNTS) + score_bins(np.array([rank]))[0]] = 20
    normal = len(COUNTS) + (len(ANOMALY_STATS) - len(COUNTS)) // 2
    block[normal] = 138
    block[normal + score_bins(np.array([0.9]))[0]] = 10
    return np.tile(block, (SITES * WEEKS, 1))


@pytest.mark.parametrize(("recall", "accepted"), [(0.0, False), (0.4, True)])
def test_scores_that_rank_well_and_never_alert_are_not_published(
    recall: float, accepted: bool
) -> None:
    sums = {"challenger": alarms(0.999, recall), "hour_of_week_mad": alarms(0.5, 0.2)}
    decision = first_time("anomaly", sums, SimpleNamespace(max_alerts_per_month=2.0))
    assert decision.accepted is accepted, decision.summary
    assert accepted or "of events with an alert, at least 0.05" in decision.summary
