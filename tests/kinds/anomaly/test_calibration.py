"""Scores are ranks, and thresholds keep their word."""

from __future__ import annotations

import numpy as np
import pytest

from smartwatts_ml.kinds.anomaly.calibration import (
    MONTH_HOURS,
    ScoreCalibration,
    budget_threshold,
    count_alerts,
    fit_ranks,
    pick_threshold,
)

Series = list[tuple[np.ndarray, np.ndarray]]


def noisy(seed: int, sites: int = 5, hours: int = 3000) -> Series:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(sites):
        slow = np.convolve(rng.normal(size=hours + 5), np.ones(6) / 2, "valid")
        found.append((slow + rng.normal(size=hours), np.arange(hours) > 0))
    return found


def alerts_a_month(series: Series, threshold: float) -> float:
    alerts = sum(count_alerts(logits >= threshold, follows) for logits, follows in series)
    return alerts / sum(len(logits) for logits, _ in series) * MONTH_HOURS


@pytest.mark.parametrize("budget", [0.5, 2.0, 10.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_budget_holds_on_the_hours_it_was_set_on(budget: float, seed: int) -> None:
    series = noisy(seed)
    assert 0.3 * budget <= alerts_a_month(series, budget_threshold(series, budget)) <= budget


def test_the_budget_roughly_holds_on_hours_like_those() -> None:
    rates = [
        alerts_a_month(noisy(100 + seed), budget_threshold(noisy(seed), 2.0)) for seed in range(8)
    ]
    assert 1.0 <= float(np.mean(rates)) <= 2.2


def test_too_few_hours_for_a_single_alert_give_none() -> None:
    series = [(np.arange(100.0), np.arange(100) > 0)]
    assert budget_threshold(series, 2.0) > 99.0


def test_the_quantile_alone_turns_the_budget_off_and_with_it_the_stricter_wins() -> None:
    series = noisy(0)
    pooled = np.concatenate([logits for logits, _ in series])
    by_budget = pick_threshold(series, None, None, 2.0)
    assert by_budget == budget_threshold(series, 2.0)
    assert pick_threshold(series, None, 5.0, 2.0) == budget_threshold(series, 5.0)
    alone = pick_threshold(series, 0.95, None, 2.0)
    assert np.mean(pooled >= alone) == pytest.approx(0.05, abs=0.001)
    assert pick_threshold(series, 0.95, 2.0, 2.0) == by_budget > alone
    assert pick_threshold(series, 0.9999, 30.0, 2.0) == pytest.approx(np.quantile(pooled, 0.9999))


def test_scores_of_normal_hours_are_even_and_rise_with_the_logit() -> None:
    rng = np.random.default_rng(0)
    knots, tails = fit_ranks(rng.normal(size=20_000))
    calibration = ScoreCalibration(knots, tails, 0.0)
    fresh = calibration.score(rng.normal(size=20_000))
    for level in (0.5, 0.9, 0.99, 0.999):
        assert np.mean(fresh >= level) == pytest.approx(1 - level, rel=0.35)
    ladder = calibration.score(np.linspace(-3, 40, 400))
    assert (np.diff(ladder) > 0).all() and ladder[0] >= 0 and ladder[-1] < 1


def test_hours_that_all_look_alike_still_calibrate() -> None:
    knots, tails = fit_ranks(np.zeros(50))
    assert ScoreCalibration(knots, tails, 0.0).score(5.0) > 0.9
