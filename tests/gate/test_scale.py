"""The gate at few homes and at many: chance that homes share, homes that weigh much, and ruin
of few among many."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.gate_tables import (
    GIANT,
    HARM,
    Scenario,
    Tables,
    judged,
    proportion_interval,
    simulate_tables,
    try_gate,
)
from smartwatts_ml.gate.decision import CHALLENGER, CHAMPION, Outcome
from smartwatts_ml.gate.judgement import Rules
from smartwatts_ml.gate.statistics import moderated
from smartwatts_ml.judging.record import rules_of
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import GateSettings, Settings

CAREFUL, FRESH = (
    rules_of(Settings(gate=GateSettings(policy=policy, resamples=100)))
    for policy in ("careful", "fresh")
)
POLICIES = pytest.mark.parametrize("rules", [CAREFUL, FRESH], ids=["careful", "fresh"])
RUINED = Scenario("ruin", 0.95, home_harm=HARM)


def accepted(scenario: Scenario, tables: Tables, rules: Rules, runs: int) -> float:
    return float(np.mean([try_gate(scenario, tables, rules, i).accepted for i in range(runs)]))


@pytest.mark.slow
@pytest.mark.parametrize("homes", [4, 9])
def test_weeks_that_few_homes_share_count_once(homes: int) -> None:
    tables = Tables(homes, weeks=10, site_spread=0, shared_spread=0.05, week_spread=0.02)
    runs = 40
    for rules, share in ((CAREFUL, 0.03), (FRESH, 0.2)):
        passed = round(runs * accepted(Scenario("equal"), tables, rules, runs))
        assert proportion_interval(passed, runs)[0] <= share, (passed, share)


@POLICIES
@pytest.mark.parametrize("homes", [2, 3, 5, 9, 17])
def test_one_home_that_outweighs_all_others_does_not_decide_for_them(
    homes: int, rules: Rules
) -> None:
    tables = Tables(homes, weeks=8, site_spread=0.005, week_spread=0.005)
    decision = try_gate(Scenario("giant", giant=GIANT), tables, rules, 1)
    assert not decision.accepted
    if 2 < homes < 10:
        assert decision.outcome is Outcome.HOMES, decision.summary
        assert "home by home" in decision.summary


@POLICIES
@pytest.mark.parametrize("week_spread", [0.06, 0.3])
@pytest.mark.parametrize("homes", [30, 100, pytest.param(1000, marks=pytest.mark.full)])
def test_a_tenth_of_homes_worse_by_half_is_not_accepted(
    homes: int, week_spread: float, rules: Rules
) -> None:
    tables = Tables(homes, week_spread=week_spread)
    assert accepted(RUINED, tables, rules, 5 if homes == 30 else 1) == 0


@pytest.mark.slow
@POLICIES
def test_one_home_of_a_thousand_worse_by_half_is_not_accepted(rules: Rules) -> None:
    decision = try_gate(replace(RUINED, homes=0), Tables(1000), rules, 3)
    assert decision.outcome is Outcome.SLICE and "site home" in decision.summary


@pytest.mark.slow
def test_a_sound_gain_passes_at_every_size() -> None:
    better = Scenario("better", 0.95)
    for homes in (5, 17, 30, 100, 1000):
        assert try_gate(better, Tables(homes), FRESH, 5).accepted, homes


@pytest.mark.slow
def test_a_thousand_homes_are_judged_within_seconds() -> None:
    scores = simulate_tables(Scenario("better", 0.98), Tables(1000), 1)
    before = process_time()
    judged(scores, FRESH)
    assert process_time() - before < 15, "on a slow machine; three on a quick one"


def steps(fall: float, gain: float, count: int) -> list[dict[str, Scores]]:
    """A ratchet: each version better by ``gain`` in the deciding metric, and worse by ``fall``
    in the guarded one, than the one before; scored on the same weeks."""
    champion = simulate_tables(Scenario("equal"), Tables(17), 0)[CHAMPION]
    versions = []
    for step in range(count + 1):
        sums, factors = champion.sums.copy(), np.array([(1 - gain) ** step, 1, (1 + fall) ** step])
        noise = np.exp(np.random.default_rng(step).normal(0, 0.003, (len(sums), 1, 1)))
        sums[..., [0, 2]] *= noise
        versions.append(replace(champion, sums=sums * factors, bands={}))
    simple = replace(champion, sums=champion.sums * [3, 1, 3], bands={})
    return [
        {CHALLENGER: new, CHAMPION: old, "v1": versions[0], "simple": simple}
        for old, new in pairwise(versions)
    ]


@POLICIES
def test_small_losses_do_not_add_up_beyond_the_margin_of_the_year(rules: Rules) -> None:
    decisions = [judged(s, rules, ("v1",)) for s in steps(0.015, 0.02, 5)]
    assert decisions[0].accepted, decisions[0].summary
    assert not any(decision.accepted for decision in decisions[1:])
    assert decisions[1].outcome is Outcome.GUARD and "against v1" in decisions[1].summary


@POLICIES
def test_who_is_no_worse_than_the_champion_is_not_kept_out_for_an_older_version(
    rules: Rules,
) -> None:
    scores = steps(0.015, 0.02, 3)[-1]
    better = replace(scores[CHAMPION], sums=scores[CHAMPION].sums * [0.95, 1, 0.999])
    decision = judged({**scores, CHALLENGER: better}, rules, ("v1",))
    assert decision.accepted, decision.summary


@POLICIES
def test_an_appliance_does_not_get_worse_step_by_step(rules: Rules) -> None:
    champion = simulate_tables(Scenario("equal"), Tables(17), 0)[CHAMPION]
    factors = np.ones((2, 5, 3))
    for step in (0, 1):
        factors[step, 0, 0] = 1.09 ** (step + 1)
        factors[step, 1:, 0] = 0.9 ** (step + 1)
    first, second = (replace(champion, sums=champion.sums * f, bands={}) for f in factors)
    scores = {CHALLENGER: second, CHAMPION: first}
    scores["simple"] = replace(champion, sums=champion.sums * [3, 1, 3], bands={})
    assert judged(scores, rules).accepted
    decision = judged({**scores, "v1": replace(champion, bands={})}, rules, ("v1",))
    assert decision.outcome is Outcome.SLICE
    assert "channel kettle" in decision.summary and "of v1" in decision.summary


def broken(scores: Scores, homes: int) -> Scores:
    names = np.unique(scores.sites)[:homes]
    sums = scores.sums.copy()
    sums[np.isin(scores.sites, names)] = np.nan
    return replace(scores, sums=sums, bands={})


@POLICIES
@pytest.mark.parametrize("homes", [1, 5, 17])
def test_a_champion_that_is_not_finite_is_replaced_by_what_beats_every_baseline(
    homes: int, rules: Rules
) -> None:
    scores = simulate_tables(Scenario("worse", 1.1), Tables(17), 2)
    assert not judged(scores, rules).accepted
    scores[CHAMPION] = broken(scores[CHAMPION], homes)
    decision = judged(scores, rules)
    assert decision.accepted, decision.summary
    assert any("champion's predictions are not finite" in text for text in decision.reasons)
    scores["simple"] = replace(scores["simple"], sums=scores["simple"].sums * [0.5, 1, 0.5])
    assert not judged(scores, rules).accepted


@POLICIES
@pytest.mark.parametrize("homes", [1, 5, 17])
def test_a_challenger_that_is_not_finite_anywhere_loses(homes: int, rules: Rules) -> None:
    scores = simulate_tables(Scenario("better", 0.5), Tables(17), 2)
    scores[CHALLENGER] = broken(scores[CHALLENGER], homes)
    decision = judged(scores, rules)
    assert not decision.accepted and decision.outcome is Outcome.TROUBLE
    where = "1 site" if homes == 1 else f"{homes} sites"
    assert f"not finite at {where}" in " ".join(decision.reasons)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 12), st.integers(1, 6), st.integers(0, 1000))
def test_whoever_is_accepted_as_fresh_is_better_pooled_and_home_by_home(
    homes: int, weeks: int, seed: int
) -> None:
    decision = try_gate(Scenario("equal"), Tables(homes, weeks), FRESH, seed)
    if decision.accepted and decision.outcome is Outcome.BETTER:
        asked = [c for c in decision.comparisons if c.role in ("improve", "homes")]
        assert len(asked) == (2 if homes > 1 else 1)
        assert all(c.gain > 0 and c.p <= 0.2 for c in asked)
    assert "about" not in decision.summary, "no number of sites is promised"


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 12), st.integers(3, 6), st.integers(0, 1000), st.floats(0.2, 5.0))
def test_the_unit_of_a_metric_and_the_names_of_homes_change_no_decision(
    homes: int, weeks: int, seed: int, factor: float
) -> None:
    scores = simulate_tables(Scenario("equal"), Tables(homes, weeks), seed)
    scaled = {
        name: replace(
            s,
            sums=s.sums * [factor, 1, factor],
            bands={b: v * [factor, 1, factor] for b, v in s.bands.items()},
        )
        for name, s in scores.items()
    }
    assert judged(scaled, FRESH).outcome is judged(scores, FRESH).outcome


def test_variances_of_homes_lend_each_other_evidence_by_how_alike_they_are() -> None:
    rng = np.random.default_rng(0)
    freedoms = np.full(500, 4.0)
    alike = rng.chisquare(4, 500) / 4
    values, known = moderated(alike, freedoms)
    assert values.std() < alike.std() / 5 and known.min() > 40
    unlike = alike * rng.lognormal(0, 2, 500)
    values, known = moderated(unlike, freedoms)
    assert np.corrcoef(np.log(values), np.log(unlike))[0, 1] > 0.9 and known.max() < 8
