"""The gate keeps the champion unless a challenger is better beyond chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.gate import Facts, Judgement, judge, not_judged
from smartwatts_ml.gate.decision import Check, Outcome
from smartwatts_ml.gate.drift import Drift
from smartwatts_ml.jsontext import plain
from smartwatts_ml.judging.record import rules_of
from smartwatts_ml.scores.scores import Criterion, Floor, Scores
from smartwatts_ml.settings import GateSettings, Settings


def headline(sums: np.ndarray) -> dict[str, float]:
    """Mean error of statistics (error, n), pooled; ``hits`` rides along as a guard."""
    total = sums.sum(axis=(0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"mae": float(total[0] / total[1]), "f1": float(total[2] / total[1])}


CRITERIA = (
    Criterion("mae", "lower", "improve", "MAE"),
    Criterion("f1", "higher", "guard", "F1", tolerance=0.01),
)
RULES = rules_of(Settings(gate=GateSettings(policy="careful", resamples=200)))


def made_scores(
    error: float,
    *,
    f1: float = 0.8,
    sites: int = 12,
    weeks: int = 6,
    noise: float = 0.0,
    seed: int = 0,
) -> Scores:
    rng = np.random.default_rng(seed)
    count = sites * weeks
    n = np.full(count, 100.0)
    errors = n * np.maximum(error + noise * rng.standard_normal(count), 0)
    return Scores(
        channels=("mains",),
        stats=("error", "n", "hits"),
        sites=np.repeat([f"home{i:02d}" for i in range(sites)], weeks),
        weeks=np.tile(np.datetime64("2026-01-05") + 7 * np.arange(weeks), sites),
        sums=np.stack([errors, n, n * f1], axis=1)[:, None, :],
    )


def decide(
    challenger: Scores,
    baseline: Scores | None = None,
    champion: Scores | None = None,
    **facts: Any,
) -> Any:
    scores = {"challenger": challenger}
    if champion is not None:
        scores["champion"] = champion
    if baseline is not None:
        scores["four_week_mean"] = baseline
    return judge(judgement(scores, **facts))


def judgement(scores: Mapping[str, Scores], **facts: Any) -> Judgement:
    known = Facts(split="d", champion_version=3, **facts)
    return Judgement("nilm", CRITERIA, ("mae", "f1"), headline, scores, RULES, known)


def test_a_champion_of_another_contract_is_told() -> None:
    sentence = "champion v3 is of contract 1, now 2: hours were of UTC"
    decision = decide(made_scores(5), made_scores(10), made_scores(8), contract=sentence)
    assert decision.accepted and sentence in decision.reasons


def test_a_clearly_better_challenger_is_accepted_with_its_reasons() -> None:
    decision = decide(made_scores(5), made_scores(10), made_scores(8))
    assert decision.accepted
    assert decision.metrics["baseline"]["mae"] == pytest.approx(10)
    assert any("champion" in reason for reason in decision.reasons)
    assert "accepted" in decision.summary


def test_a_tie_keeps_the_champion() -> None:
    assert not decide(made_scores(5), made_scores(10), made_scores(5)).accepted


@settings(deadline=None, max_examples=30)
@given(st.floats(0.1, 100), st.integers(1, 15), st.integers(1, 5))
def test_a_copy_of_the_champion_never_wins(error: float, sites: int, weeks: int) -> None:
    same = made_scores(error, sites=sites, weeks=weeks, noise=error / 3)
    assert not decide(same, champion=same).accepted


def test_a_gain_within_chance_keeps_the_champion_and_says_which_gain_would_pass() -> None:
    challenger = made_scores(7.9, noise=3, seed=1)
    decision = decide(challenger, made_scores(20), champion=made_scores(8, noise=3, seed=2))
    assert not decision.accepted and decision.outcome is Outcome.NO_EVIDENCE
    assert (decision.evidence.count, decision.evidence.confidence) == (6, 0.97)
    gain = next(c for c in decision.comparisons if c.role == "improve")
    assert decision.evidence.passing > gain.gain / gain.other > 0
    assert "not enough evidence: MAE −5.2% against champion may be chance" in decision.summary
    assert f"a gain of {decision.evidence.passing:.1%} would pass" in decision.summary
    assert "sites, needs" not in decision.summary


def test_the_gain_that_is_said_to_pass_does_pass() -> None:
    challenger, champion = made_scores(7.9, noise=1, seed=1), made_scores(8, noise=1, seed=2)
    decision = decide(challenger, made_scores(20), champion)
    assert decision.outcome is Outcome.NO_EVIDENCE
    gain = next(c for c in decision.comparisons if c.role == "improve")
    more = decision.evidence.passing - gain.gain / gain.other
    challenger.sums[:, 0, 0] -= (more + 0.001) * gain.other * challenger.sums[:, 0, 1]
    assert decide(challenger, made_scores(20), champion).accepted


def test_a_single_week_tells_nothing_of_chance_and_more_weeks_are_asked_for() -> None:
    decision = decide(made_scores(5, sites=3, weeks=1), champion=made_scores(8, sites=3, weeks=1))
    assert decision.outcome is Outcome.NO_EVIDENCE
    assert decision.summary.endswith("a holdout of more calendar weeks would tell")


@pytest.mark.parametrize(
    "opponent, outcome",
    [("four_week_mean", Outcome.BASELINE), ("champion", Outcome.NO_EVIDENCE)],
)
def test_one_that_is_worse_within_chance_is_called_worse_not_short_of_evidence(
    opponent: str, outcome: Outcome
) -> None:
    challenger, other = made_scores(8.5, noise=3, seed=1), made_scores(8, noise=3, seed=2)
    decision = judge(judgement({"challenger": challenger, opponent: other}))
    improve = next(c for c in decision.comparisons if c.role == "improve")
    assert improve.gain < 0 < improve.high, "worse, but not beyond chance"
    assert decision.outcome is outcome and not decision.accepted
    assert f"against {opponent} is worse" in decision.summary
    assert "a gain of " in decision.summary and decision.summary.endswith(" would pass")
    assert "evidence" not in decision.summary


def test_a_challenger_that_beats_the_champion_but_not_the_baseline_is_kept_out() -> None:
    decision = decide(made_scores(5), baseline=made_scores(4), champion=made_scores(8))
    assert not decision.accepted
    assert "four_week_mean" in decision.summary
    assert decision.outcome is Outcome.BASELINE


def test_a_guarded_metric_that_falls_is_the_reason() -> None:
    decision = decide(made_scores(5, f1=0.7), champion=made_scores(8, f1=0.8))
    assert not decision.accepted
    assert decision.summary == "nilm kept: F1 −0.100 against champion"


def test_a_metric_that_is_not_finite_fails_closed() -> None:
    broken = made_scores(5)
    broken.sums[0, 0, 0] = np.nan
    decision = decide(broken, baseline=made_scores(10))
    assert not decision.accepted
    assert "missing" in decision.summary
    assert plain(decision)["metrics"]["challenger"]["mae"] is None


def test_a_challenger_without_any_opponent_is_not_accepted() -> None:
    assert not decide(made_scores(5)).accepted


@pytest.mark.parametrize("others", [(), ("champion",), ("champion", "four_week_mean")])
def test_a_challenger_without_scores_is_refused_whoever_else_has_some(
    others: Sequence[str],
) -> None:
    decision = judge(judgement({name: made_scores(8) for name in others}))
    assert decision.outcome is Outcome.TROUBLE and not decision.accepted
    assert decision.summary == "nilm kept: the scores of the challenger are missing"


def test_a_site_that_gets_much_worse_blocks_a_better_mean() -> None:
    challenger, champion = made_scores(5), made_scores(8)
    challenger.sums[challenger.sites == "home03", :, 0] *= 3
    decision = decide(challenger, champion=champion)
    assert not decision.accepted
    assert "home03" in decision.summary


@pytest.mark.parametrize(
    ("sites", "weeks", "said"),
    [(2, 6, "weeks are the units"), (12, 3, "sites are the units"), (12, 6, "from both")],
)
def test_the_decision_says_what_chance_was_told_from(sites: int, weeks: int, said: str) -> None:
    new, old = (made_scores(error, sites=sites, weeks=weeks) for error in (5, 10))
    decision = decide(new, baseline=old)
    assert decision.accepted
    assert said in decision.reasons[-1]


def test_a_guard_that_falls_within_chance_does_not_block() -> None:
    rng = np.random.default_rng(3)
    challenger, champion = made_scores(5), made_scores(8)
    challenger.sums[:, 0, 2] += 100 * rng.normal(-0.012, 0.3, len(challenger.sums))
    decision = decide(challenger, champion=champion)
    guard = next(c for c in decision.comparisons if c.role == "guard")
    assert guard.gain < -0.01 and guard.passed
    assert decision.accepted


def test_scores_of_other_windows_are_never_compared() -> None:
    other = replace(made_scores(8), targets="b")
    decision = decide(replace(made_scores(5), targets="a"), champion=other)
    assert decision.outcome is Outcome.TROUBLE
    assert "not scored on the same windows" in decision.summary


def test_the_digest_names_the_split_and_the_windows() -> None:
    def digest(targets: str) -> str:
        one = [replace(made_scores(error), targets=targets) for error in (5, 8)]
        return str(decide(one[0], one[1]).holdout_digest)

    assert digest("a") == digest("a") != digest("b")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"troubles": ("the file of champion v3 is damaged",)}, "v3 is damaged"),
        ({"checks": (Check("size", False, "file of 300 KiB, at most 256"),)}, "300 KiB"),
        ({"floors": (Floor("f1", "higher", 0.9, "F1"),)}, "0.8 F1, at least 0.9"),
    ],
)
def test_a_trouble_a_failed_check_and_a_floor_keep_a_better_challenger_out(
    facts: dict[str, Any], said: str
) -> None:
    decision = decide(made_scores(5), made_scores(10), made_scores(8), **facts)
    assert not decision.accepted
    assert said in decision.summary


def test_one_that_is_clearly_worse_is_called_worse() -> None:
    decision = decide(made_scores(9), made_scores(10), made_scores(8))
    assert decision.outcome is Outcome.WORSE


DRIFTED = Drift("level", "W", psi=0.6, chance=0.1, before=300, now=900, challenger=0.1)


def test_no_worse_is_enough_where_the_champion_drifted() -> None:
    same, champion = made_scores(8, noise=0.05, seed=1), made_scores(8, noise=0.05, seed=2)
    assert not decide(same, made_scores(10), champion).accepted
    decision = decide(same, made_scores(10), champion, drift=(DRIFTED,))
    assert decision.accepted and decision.outcome is Outcome.REPAIRS
    assert "repairs drift since the champion was trained: level moved from 300 to 900" in (
        decision.summary
    )


def test_a_challenger_that_has_not_seen_what_drifted_repairs_nothing() -> None:
    same, champion = made_scores(8, noise=0.05, seed=1), made_scores(8, noise=0.05, seed=2)
    unseen = replace(DRIFTED, challenger=0.55)
    decision = decide(same, made_scores(10), champion, drift=(unseen,))
    assert decision.outcome is Outcome.NO_EVIDENCE


def test_drift_excuses_no_loss_beyond_the_margin() -> None:
    decision = decide(made_scores(8.3), made_scores(10), made_scores(8), drift=(DRIFTED,))
    assert not decision.accepted


def test_a_slice_under_its_floor_that_the_challenger_repairs_is_named() -> None:
    challenger, champion, floor = (made_scores(8, noise=0.2, seed=s) for s in (1, 2, 3))
    floor.sums[:, 0, 0] *= 1.2
    champion.sums[champion.sites == "home02", 0, 0] *= 1.6
    decision = decide(challenger, floor, champion)
    assert decision.outcome is Outcome.REPAIRS, decision.summary
    assert any("site home02" in text for text in decision.repairs)
    discreet = decide(challenger, floor, champion, called={"site home02": "home k3fq7z"})
    assert discreet.summary == decision.summary.replace("site home02", "home k3fq7z")
    assert not any("home02" in text for text in (*discreet.repairs, *discreet.reasons))


def test_the_same_case_gives_the_same_decision() -> None:
    scores = made_scores(7.9, noise=3, seed=1), made_scores(20), made_scores(8, noise=3, seed=2)
    assert plain(decide(*scores)) == plain(decide(*scores))


def test_not_enough_evidence_is_a_decision_too() -> None:
    decision = not_judged("nilm", "no appliance has enough activations", 4)
    assert not decision.accepted
    assert decision.summary == "nilm kept: no appliance has enough activations"
    assert decision.champion_version == 4
