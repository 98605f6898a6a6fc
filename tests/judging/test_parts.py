"""Which parts are learned, and how systems with other parts are compared."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from smartwatts_ml.gate import CHALLENGER, CHAMPION, Facts, Part, judge
from smartwatts_ml.gate.decision import Outcome
from smartwatts_ml.gate.rules import nothing_learned
from smartwatts_ml.judging.parts import judge_parts, stood_in
from smartwatts_ml.judging.record import judgement_of, rules_of
from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.forecasting.layout import day_names
from smartwatts_ml.kinds.forecasting.metrics import STATS as FORECAST_STATS
from smartwatts_ml.kinds.forecasting.metrics import measure
from smartwatts_ml.kinds.nilm.details import NilmDetails
from smartwatts_ml.kinds.nilm.metrics import STATS as NILM_STATS
from smartwatts_ml.kinds.nilm.metrics import statistics
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import GateSettings, Settings
from tests.kinds.networks import embedded

NAMES = ("fridge", "kettle", "microwave")
SITES, WEEKS, SAMPLES = 12, 5, 400
SHARES = {"fridge": 0.4, "kettle": 0.03, "microwave": 0.02}
POWER_W, ON_W = 1000.0, 500.0
RULES = rules_of(Settings(gate=GateSettings(resamples=200)))
NILM, FORECASTING = find_kind("nilm"), find_kind("forecasting")


def scores_of(sums: np.ndarray, channels: tuple[str, ...], stats: tuple[str, ...]) -> Scores:
    """Of sums by site, week, channel and statistic."""
    return Scores(
        channels,
        stats,
        np.repeat([f"home{i:02d}" for i in range(SITES)], WEEKS),
        np.tile(np.datetime64("2026-01-05") + 7 * np.arange(WEEKS), SITES),
        sums.reshape(-1, *sums.shape[2:]),
    )


def appliances(recall: Mapping[str, float], never: frozenset[str] = frozenset()) -> Scores:
    """One who finds such shares of what runs, and else says nothing; ``never`` runs nothing."""
    rng = np.random.default_rng(0)
    shape = (SITES, WEEKS, SAMPLES)
    truth, said = [], []
    for name in NAMES:
        on = rng.random(shape) < (0.0 if name in never else SHARES[name])
        hit = rng.random(shape) < recall.get(name, 0.0)
        truth.append(np.where(on, POWER_W, 0.0))
        said.append(np.where(on & hit, POWER_W, 0.0))
    sums = statistics(np.stack(truth, 2), np.stack(said, 2), np.array(ON_W))
    return scores_of(sums, NAMES, NILM_STATS)


def mean_power(never: frozenset[str] = frozenset()) -> Scores:
    truth = appliances({}, never)
    sums = truth.sums.copy()
    for k, name in enumerate(NAMES):
        watts = SHARES[name] * POWER_W
        off = sums[:, k, NILM_STATS.index("n")] - sums[:, k, NILM_STATS.index("fn")]
        on = sums[:, k, NILM_STATS.index("fn")]
        sums[:, k, NILM_STATS.index("abs_error_w")] = off * watts + on * (POWER_W - watts)
    return Scores(truth.channels, truth.stats, truth.sites, truth.weeks, sums)


def details(*names: str, left_out: Mapping[str, str] | None = None) -> NilmDetails:
    said = embedded(
        "nilm",
        appliances=list(names),
        on_thresholds_w=dict.fromkeys(NAMES, ON_W),
        on_cuts=dict.fromkeys(NAMES, 0.4),
        durations={name: {"pause_s": 60, "shortest_s": 12} for name in NAMES},
    )
    return NilmDetails.read(said | ({"left_out": left_out} if left_out else {}))


GOOD = {"fridge": 0.8, "kettle": 0.8, "microwave": 0.8}
"""F1 of .89; of who always says "on": .57, .06 and .04."""


def parts_of(recall: Mapping[str, float]) -> dict[str, Part]:
    scores = {CHALLENGER: appliances(recall), "mean_power": mean_power()}
    parts = judge_parts(NILM, details(*NAMES), scores, ["mean_power"], None, RULES)
    return {part.name: part for part in parts}


def test_an_appliance_that_is_never_found_does_not_ship_and_the_others_do() -> None:
    """The first run of the demo: its microwave had an F1 of 0."""
    parts = parts_of(GOOD | {"microwave": 0.0})
    assert [name for name in NAMES if parts[name].ships] == ["fridge", "kettle"]
    assert parts["microwave"].text == "F1 0 against 0 of mean_power"
    assert "microwave is left out: F1 0" in parts["microwave"].sentence


def test_one_that_is_not_above_always_saying_on_does_not_ship_either() -> None:
    parts = parts_of(GOOD | {"fridge": 0.3})
    assert not parts["fridge"].ships
    assert 'F1 beyond that of always saying "on"' in parts["fridge"].text


def test_what_never_runs_in_the_holdout_ships_where_the_champion_has_it_and_else_not() -> None:
    never = frozenset({"microwave"})
    scores = {CHALLENGER: appliances(GOOD, never), "mean_power": mean_power(never)}
    for champion, ships in (
        (None, False),
        (details("fridge", "kettle"), False),
        (details(*NAMES), True),
    ):
        *_, microwave = judge_parts(NILM, details(*NAMES), scores, ["mean_power"], champion, RULES)
        assert (microwave.name, microwave.ships) == ("microwave", ships)
        assert "in the holdout" in microwave.text


def test_nothing_to_ship_is_a_check_that_fails() -> None:
    parts = parts_of(dict.fromkeys(NAMES, 0.0))
    check = nothing_learned(tuple(parts.values()))
    assert check and not check.passed and "no part is better" in check.text
    facts = Facts(split="d", parts=tuple(parts.values()))
    scores = {CHALLENGER: appliances(GOOD), "mean_power": mean_power()}
    decision = judge(judgement_of(NILM, "nilm", scores, RULES, facts))
    assert decision.outcome is Outcome.CHECK and "left out" not in decision.summary
    assert "microwave is not better than its own baseline: F1 0" in " ".join(decision.reasons)
    assert nothing_learned(tuple(parts_of(GOOD).values())) is None
    assert nothing_learned(()) is None


@pytest.mark.parametrize("has_it", [CHALLENGER, CHAMPION])
def test_a_part_counts_for_whoever_has_it_and_never_against(has_it: str) -> None:
    """By MAE alone, saying nothing of a microwave is as good as knowing it badly."""
    fair = {"fridge": 0.8, "kettle": 0.8, "microwave": 0.3}
    lacking = {CHALLENGER: CHAMPION, CHAMPION: CHALLENGER}[has_it]
    scores = {name: appliances(fair) for name in (CHALLENGER, CHAMPION)}
    scores["mean_power"] = mean_power()
    said = {
        has_it: details(*NAMES),
        lacking: details("fridge", "kettle", left_out={"microwave": "F1 0"}),
    }
    stood = stood_in(NILM, scores, said, ["mean_power"])
    decision = judge(judgement_of(NILM, "nilm", stood, RULES, Facts(split="d")))
    assert decision.accepted is (has_it == CHALLENGER), decision.summary
    assert decision.outcome in (Outcome.BETTER, Outcome.SLICE, Outcome.GUARD, Outcome.WORSE)
    assert np.array_equal(stood[has_it].sums, scores[has_it].sums)
    assert np.array_equal(stood[lacking].sums[:, 2], scores["mean_power"].sums[:, 2])


def days_of(error_w: list[float], champion: Mapping[str, str] | None = None) -> tuple[Part, ...]:
    """Parts of a forecast of a week with such errors by day, beside one that is wrong by 100 W
    each; ``champion``: what that leaves out, None where there is none."""
    rng = np.random.default_rng(1)
    truth = rng.uniform(200, 600, (SITES, WEEKS, 7, 24))

    def forecasts(error: np.ndarray) -> Scores:
        middle = truth + error[:, None] * rng.standard_normal(truth.shape)
        quantiles = middle[..., None] + np.array([-1.28, 0, 1.28]) * error[:, None, None]
        sums = [
            [
                [measure(y, q, 100.0) for y, q in zip(*week, strict=True)]
                for week in zip(*home, strict=True)
            ]
            for home in zip(truth, quantiles, strict=True)
        ]
        return scores_of(np.array(sums), day_names(168), FORECAST_STATS)

    scores = {CHALLENGER: forecasts(np.array(error_w)), "last_week": forecasts(np.full(7, 100.0))}
    said = FORECASTING.read_details(embedded("forecasting", horizon=168))
    before = None if champion is None else said.model_copy(update={"left_out": champion})
    return judge_parts(FORECASTING, said, scores, ["last_week"], before, RULES)


def test_a_day_of_a_horizon_that_is_worse_than_its_baseline_is_left_out() -> None:
    parts = days_of([60, 60, 60, 130, 60, 60, 60])
    assert [part.name for part in parts if not part.ships] == ["day 4"]
    assert "quantile loss" in parts[3].text and "of last_week" in parts[3].text


def test_a_day_that_is_as_good_as_its_baseline_does_not_come_and_go_by_chance() -> None:
    even = [60.0, *[100.0] * 6]
    parts = days_of(even)
    doubtful = [part for part in parts if part.text.endswith(", which may be chance")]
    assert doubtful and all(part.ships for part in parts)
    assert all(part.ships for part in days_of(even, champion={}))
    lacking = {part.name: "it was worse" for part in doubtful}
    again = {part.name: part.ships for part in days_of(even, champion=lacking)}
    assert not any(again[name] for name in lacking), "what was left out has to be better"
    assert sum(again.values()) == len(parts) - len(lacking)
