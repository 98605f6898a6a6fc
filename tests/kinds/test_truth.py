"""What is scored follows from the truth alone: a prediction that is not finite cannot flatter."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from smartwatts_ml.gate import CHALLENGER, CHAMPION, Decision, Facts, judge
from smartwatts_ml.judging.record import judgement_of, rules_of
from smartwatts_ml.kinds import find_kind, kinds
from smartwatts_ml.kinds.forecasting.metrics import STATS as FORECAST_STATS
from smartwatts_ml.kinds.forecasting.metrics import measure
from smartwatts_ml.kinds.nilm.metrics import STATS as NILM_STATS
from smartwatts_ml.kinds.nilm.metrics import statistics
from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import GateSettings, Settings
from tests.kinds.networks import Busy, Faked, embedded

WEEKS, HOURS, ON_W = 4, 168, 500.0


def judged(name: str, scores: Mapping[str, Scores]) -> Decision:
    kind = find_kind(name)
    rules = rules_of(Settings(gate=GateSettings(resamples=200)))
    return judge(judgement_of(kind, name, scores, rules, Facts(split="d")))


def scores_of(sums: np.ndarray, channels: tuple[str, ...], stats: tuple[str, ...]) -> Scores:
    """Of sums by site, week, channel and statistic."""
    sites, weeks = sums.shape[:2]
    return Scores(
        channels,
        stats,
        np.repeat([f"home{i:02d}" for i in range(sites)], weeks),
        np.tile(np.datetime64("2026-01-05") + 7 * np.arange(weeks), sites),
        sums.reshape(-1, *sums.shape[2:]),
    )


def appliances(error_w: Mapping[str, float]) -> Scores:
    """Of appliances that are on for one hour in ten, each wrong by so many W."""
    rng = np.random.default_rng(0)
    truth = np.where(rng.random((12, WEEKS, len(error_w), HOURS)) < 0.1, 2000.0, 0.0)
    wrong = np.array(list(error_w.values()))[:, None]
    return scores_of(statistics(truth, truth + wrong, np.array(ON_W)), tuple(error_w), NILM_STATS)


def test_an_appliance_that_is_not_finite_everywhere_does_not_lift_the_mean_of_the_others() -> None:
    mean = appliances({"kettle": 20, "oven": 20, "pump": 20})
    broken = appliances({"kettle": np.nan, "oven": 19, "pump": 19})
    decision = judged("nilm", {CHALLENGER: broken, "mean_power": mean})
    assert not decision.accepted
    assert np.isnan(decision.metrics[CHALLENGER]["mae_w"])  # type: ignore[index]


def forecasts(error_w: np.ndarray) -> Scores:
    """Forecasts of 30 homes, each wrong by so many W."""
    truth = np.random.default_rng(1).uniform(200, 600, (len(error_w), WEEKS, HOURS))
    middle = truth + error_w[:, None, None]
    quantiles = middle[..., None] + np.array([-100.0, 0.0, 100.0])
    sums = [[[measure(y, q, 100.0)] for y, q in zip(*home, strict=True)]
            for home in zip(truth, quantiles, strict=True)]  # fmt: skip
    return scores_of(np.array(sums), ("mains",), FORECAST_STATS)


def test_forecasts_that_are_missing_at_the_hardest_homes_are_not_better_for_it() -> None:
    champion = np.r_[np.full(24, 50.0), np.full(6, 90.0)]
    challenger = np.r_[np.full(24, 51.5), np.full(6, np.nan)]
    scores = {
        CHALLENGER: forecasts(challenger),
        CHAMPION: forecasts(champion),
        "last_week": forecasts(np.full(30, 95.0)),
    }
    decision = judged("forecasting", scores)
    assert not decision.accepted
    assert all(np.isnan(v) for v in (decision.metrics[CHALLENGER] or {}).values())


@pytest.mark.parametrize(
    ("name", "output"),
    [(name, tensor["name"]) for name in kinds() for tensor in embedded(name)["outputs"]],
)
def test_one_prediction_that_is_not_finite_leaves_no_metric(name: str, output: str) -> None:
    """In any output, at one window of one site, of any kind that there is."""

    def spoil(value: float) -> Callable[[dict[str, np.ndarray]], None]:
        spoiled: list[float] = []

        def once(outputs: dict[str, np.ndarray]) -> None:
            if not spoiled:
                spoiled.append(value)
                window = outputs[output][len(outputs[output]) - 3]
                window.flat[window.size // 2] = value

        return once

    kind, readings = find_kind(name), Busy()
    work, details = kind.work, kind.read_details(embedded(name))
    systems = {str(value): Faked(name, spoil(value)) for value in (0.5, np.nan, np.inf, -np.inf)}
    predictors = {system: work.predictor(network) for system, network in systems.items()}
    scores = work.evaluate(details, predictors, readings, 0)
    whole = scores.pop("0.5")
    metrics = work.headline(site_sums(whole))
    assert all(np.isfinite(metrics[metric]) for metric in kind.required_metrics)
    sound = whole.sites == "home1"
    for broken in scores.values():
        assert broken.targets == whole.targets
        assert np.array_equal(broken.sites, whole.sites)
        left = {**work.headline(site_sums(broken)), **broken.extra}
        assert left.keys() == {**metrics, **whole.extra}.keys()
        assert not np.isfinite(list(left.values())).any()
        assert np.array_equal(broken.sums[sound], whole.sums[sound])
