"""52 weeks of retraining under different policies: what is in force, and how wrong it is.

Each week gradient-boosted trees learn three appliances from mains, as the sub-meters tell
them, faults and all. Every policy of a way (``gate_ways``) is offered the same challenger on
the same holdout; what it has in force is measured on the truth of the week that follows, which
none of them sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gate_homes import APPLIANCES, START, WARM_UP, Fleet, make_fleet
from benchmarks.gate_models import WEEK_H, Learner, Model
from benchmarks.gate_ways import WAYS, Candidate, Way
from smartwatts_ml.gate import CHALLENGER, CHAMPION, Decision, Facts, Outcome, Rules, judge
from smartwatts_ml.gate.drift import Histogram, drift
from smartwatts_ml.gate.refit import parity_of_behaviour
from smartwatts_ml.judging.agreement import difference
from smartwatts_ml.judging.anchors import a_few
from smartwatts_ml.judging.day_features import day_histograms
from smartwatts_ml.judging.record import judgement_of, rules_of
from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.nilm.metrics import STATS, statistics
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.holdout import holdout_part
from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.scores.sheet import HOUR_BANDS
from smartwatts_ml.settings import Settings, settings

__all__ = ["GATE", "POLICIES", "Year", "live"]

WEEKS, SITES = 52, 32
AHEAD_WEEKS = 4
THRESHOLDS = dict(zip(APPLIANCES, (150.0, 150.0, 100.0), strict=True))
RUINED, RUINED_APPLIANCE = 1.1, 1.5
"""How much worse on truth than what it replaced a model is that should never have gone out:
by a tenth in all, or by half for one appliance, over the four weeks that follow."""


@dataclass(frozen=True)
class Week:
    """What a policy is asked about; ``earlier``: what it had in force before, oldest first."""

    number: int
    candidate: Candidate
    champion: Candidate
    offer: _Offer
    earlier: Sequence[Model] = ()


@dataclass(frozen=True)
class Year:
    """By way and policy: MAE on truth by week, W; the weeks of what it put into force, with
    those of them that were ruined; how many weeks before each week its training ended."""

    errors: dict[tuple[str, str], np.ndarray]
    deployed: dict[tuple[str, str], list[int]]
    ruined: dict[tuple[str, str], list[int]]
    ages: dict[tuple[str, str], np.ndarray]

    def add(self, other: Year) -> None:
        """Ways of the same fleet."""
        for mine, more in zip(vars(self).values(), vars(other).values(), strict=True):
            mine.update(more)


@dataclass(frozen=True)
class ByGate:
    """The gate with the criteria of NILM. ``renews``: a challenger that no veto keeps, for want
    of evidence alone, renews what ships of the champion, by the recipe that was judged then."""

    rules: Rules
    renews: bool = False

    def next(self, week: Week) -> Candidate | None:
        """What is in force from now on; None where nothing changes."""
        decision = _decide(week, self.rules)
        if decision.accepted:
            return replace(week.candidate, shipped=week.offer.shipped)
        if self.renews and decision.outcome is Outcome.NO_EVIDENCE:
            return replace(week.champion, shipped=week.offer.shipped)
        return None


@dataclass(frozen=True)
class Deploys:
    """Without a gate."""

    accepts: Callable[[Week], bool]

    def next(self, week: Week) -> Candidate | None:
        """The candidate, or None."""
        return week.candidate if self.accepts(week) else None


def by_metric(week: Week) -> bool:
    """The lower MAE on the holdout wins."""
    headline, scores = find_kind("nilm").work.headline, week.offer.against(week.champion.judged)
    ours, theirs = (headline(site_sums(scores[name]))["mae_w"] for name in (CHALLENGER, CHAMPION))
    return ours < theirs


GATE = "this gate"


def _rules(policy: str) -> Rules:
    """Those that ship, with fewer resamples: a year asks for a thousand judgements."""
    return rules_of(settings(gate_policy=policy, gate_resamples=200))


RULES = _rules("fresh")
POLICIES: dict[str, ByGate | Deploys] = {
    GATE: ByGate(RULES),
    "this gate, careful": ByGate(_rules("careful")),
    "this gate, champions renewed": ByGate(RULES, renews=True),
    "lower metric wins": Deploys(by_metric),
    "always deploy": Deploys(lambda week: True),
    "never retrain": Deploys(lambda week: False),
}


def _decide(week: Week, rules: Rules) -> Decision:
    kind: Any = find_kind("nilm")
    judged, champion = week.candidate.judged, week.champion.judged
    anchors = {f"v{model.end}": model for model in a_few(week.earlier) if model is not champion}
    facts = Facts(
        split=week.candidate.split.digest,
        champion_version=champion.end,
        unseen=tuple(sorted(week.candidate.split.held_out_sites)) or None,
        floors=kind.floors({}),
        drift=drift(champion.days, week.offer.now, judged.days),
        fleet=len(week.candidate.split.holdout_start),
        champion_weeks=(judged.end - champion.end) / WEEK_H,
        anchors=tuple(anchors),
    )
    rules, scores = replace(rules, seed=week.number), week.offer.against(champion, anchors)
    return judge(judgement_of(kind, "nilm", scores, rules, facts))


def live(
    seed: int,
    weeks: int = WEEKS,
    sites: int = SITES,
    ways: Iterable[Way] = WAYS,
    folder: Path | None = None,
) -> Iterator[Year]:
    """One year, a way after the other, under every policy. ``folder``: where models are kept."""
    fleet = make_fleet(sites, weeks + AHEAD_WEEKS, seed)
    learner = Learner(fleet, seed, folder)
    for way in ways:
        year = Year({}, {}, {}, {})
        _live(fleet, learner, way, weeks, year)
        yield year


def _live(fleet: Fleet, learner: Learner, way: Way, weeks: int, year: Year) -> None:
    """One way's part of the year."""
    first = way.candidate(fleet, learner, WARM_UP)
    champions = dict.fromkeys(POLICIES, first)
    errors: dict[str, list[float]] = {name: [] for name in POLICIES}
    ages: dict[str, list[float]] = {name: [] for name in POLICIES}
    earlier: dict[str, list[Model]] = {name: [] for name in POLICIES}
    for name in POLICIES:
        year.deployed[way.name, name], year.ruined[way.name, name] = [], []
    for week in range(WARM_UP + 1, WARM_UP + weeks):
        candidate = way.candidate(fleet, learner, week)
        offer = _Offer(fleet, week, candidate)
        for name, policy in POLICIES.items():
            champion = champions[name]
            following = policy.next(Week(week, candidate, champion, offer, earlier[name]))
            if following:
                if following.judged is not champion.judged:
                    earlier[name].append(champion.judged)
                year.deployed[way.name, name].append(week - WARM_UP)
                if _is_ruined(fleet, week, following.shipped, champion.shipped):
                    year.ruined[way.name, name].append(week - WARM_UP)
                champions[name] = following
        for name, champion in champions.items():
            errors[name].append(float(_on_truth(fleet, champion.shipped, week, 1).mean()))
            ages[name].append(week - champion.shipped.end / WEEK_H)
    for name in POLICIES:
        year.errors[way.name, name] = np.array(errors[name])
        year.ages[way.name, name] = np.array(ages[name])


class _Offer:
    """A week's candidate, scored once beside whichever champion a policy has."""

    def __init__(self, fleet: Fleet, week: int, candidate: Candidate) -> None:
        self._weeks = np.array(candidate.weeks)
        hours = (self._weeks[:, None] * WEEK_H + np.arange(WEEK_H)).ravel()
        self._fleet, self._labels = fleet, fleet.labels[:, hours]
        self._candidate = candidate
        self.now: dict[str, Histogram] = day_histograms(
            holdout_part(fleet.until(week), candidate.split), (MAINS,)
        )
        mean = np.broadcast_to(candidate.judged.mean, self._labels.shape)
        self._scores = {
            CHALLENGER: self._score(self._said(candidate.judged)),
            "mean_power": self._score(mean),
        }

    def _said(self, model: Model) -> np.ndarray:
        return np.concatenate([model.said(self._fleet, week) for week in self._weeks], 1)

    def against(
        self, champion: Model, anchors: Mapping[str, Model] | None = None
    ) -> dict[str, Scores]:
        """Scores with those of a champion, and of what was in force before."""
        others = {CHAMPION: champion, **(anchors or {})}
        said = {name: self._score(self._said(model)) for name, model in others.items()}
        return {**self._scores, **said}

    @cached_property
    def shipped(self) -> Model:
        """What ships if the candidate is accepted: the refitted model, if it behaves as the
        judged one does."""
        judged, shipped = self._candidate.judged, self._candidate.shipped
        if shipped is judged:
            return judged
        said, before = self._said(shipped), self._said(judged)
        scores = {**self._scores, CHAMPION: self._scores[CHALLENGER], CHALLENGER: self._score(said)}
        kind: Any = find_kind("nilm")
        split = self._candidate.split
        facts = Facts(split.digest, unseen=tuple(sorted(split.held_out_sites)) or None)
        judgement = judgement_of(kind, "nilm", scores, RULES, facts)
        apart = {
            name: difference(said[..., k], before[..., k]) for k, name in enumerate(APPLIANCES)
        }
        checks = parity_of_behaviour(judgement, apart, Settings().refit_difference)
        return shipped if all(check.passed for check in checks) else judged

    def _score(self, power: np.ndarray) -> Scores:
        return _scores(self._fleet.sites, self._labels, power, self._weeks)


def _scores(sites: list[str], truth: np.ndarray, power: np.ndarray, weeks: np.ndarray) -> Scores:
    """NILM's own statistics, a block for each site and week."""
    shape = (len(sites) * len(weeks), 7, len(HOUR_BANDS), 6, len(APPLIANCES))
    true, said = (
        values.reshape(shape).transpose(0, 2, 4, 1, 3).reshape(shape[0], shape[2], shape[4], -1)
        for values in (truth, power)
    )
    by_band = statistics(true, said, np.array(list(THRESHOLDS.values()))[:, None])
    return Scores(
        APPLIANCES,
        STATS,
        np.repeat(sites, len(weeks)),
        np.tile(START.astype("datetime64[D]") + 7 * weeks, len(sites)),
        by_band.sum(1),
        {band: by_band[:, i] for i, band in enumerate(HOUR_BANDS)},
    )


def _on_truth(fleet: Fleet, model: Model, week: int, weeks: int) -> np.ndarray:
    """MAE of each appliance over the weeks that follow, W, shape (n_appliances,)."""
    misses = []
    for ahead in range(week, week + weeks):
        truth = fleet.truth[:, ahead * WEEK_H : (ahead + 1) * WEEK_H]
        misses.append(np.abs(model.said(fleet, ahead) - truth).mean((0, 1)))
    return np.asarray(np.mean(misses, 0))


def _is_ruined(fleet: Fleet, week: int, new: Model, old: Model) -> bool:
    ours, theirs = (_on_truth(fleet, model, week, AHEAD_WEEKS) for model in (new, old))
    worse = ours.mean() > RUINED * theirs.mean()
    return bool(worse or np.any(ours > RUINED_APPLIANCE * np.maximum(theirs, 1.0)))
