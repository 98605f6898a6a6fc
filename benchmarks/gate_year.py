"""52 weeks of retraining under different policies: what is in force, and how wrong it is.

Each week gradient-boosted trees learn three appliances from mains on all weeks before the
holdout, as the sub-meters tell them, faults and all; the split and its shares are those that
ship. Every policy is offered the same challenger on the
same holdout; it is measured on the truth of the week that follows, which none of them sees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from benchmarks.gate_homes import APPLIANCES, START, WARM_UP, Fleet, make_fleet
from smartwatts_ml.gate import CHALLENGER, CHAMPION, Decision, Facts, judge
from smartwatts_ml.gate.drift import Histogram, drift
from smartwatts_ml.judging.day_features import day_histograms
from smartwatts_ml.judging.record import judgement_of, rules_of
from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.nilm.metrics import STATS, statistics
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.holdout import Split, holdout_part, make_split, training_part
from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.scores.sheet import HOUR_BANDS
from smartwatts_ml.settings import Settings

__all__ = ["POLICIES", "Year", "live"]

WEEKS, SITES = 52, 32
AHEAD_WEEKS = 4
THRESHOLDS = dict(zip(APPLIANCES, (150.0, 150.0, 100.0), strict=True))
EXAMPLES = 12_000
WEEK_H, DAY_S = 168, 86_400
RUINED, RUINED_APPLIANCE = 1.1, 1.5
"""How much worse on truth than what it replaced a model is that should never have gone out:
by a tenth in all, or by half for one appliance, over the four weeks that follow."""
Power = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Model:
    """``power``: from features (…, n_features) to W (…, n_appliances); ``days``: of its
    training; ``week``: when it was made."""

    power: Power
    mean: np.ndarray
    days: dict[str, Histogram]
    week: int


@dataclass(frozen=True)
class Week:
    """What the policies are asked about."""

    number: int
    split: Split
    challenger: Model
    champion: Model
    scored: Callable[[], dict[str, Scores]]
    now: dict[str, Histogram]


@dataclass(frozen=True)
class Year:
    """By policy: MAE on truth by week, W, and the weeks of what it put into force, with
    those of them that were ruined."""

    errors: dict[str, np.ndarray]
    deployed: dict[str, list[int]]
    ruined: dict[str, list[int]]


def by_gate(week: Week) -> bool:
    """The gate that ships, with the rules that ship and the criteria of NILM."""
    return _decide(week).accepted


def by_metric(week: Week) -> bool:
    """The lower MAE on the holdout wins."""
    headline, scores = find_kind("nilm").work.headline, week.scored()
    ours, theirs = (headline(site_sums(scores[name]))["mae_w"] for name in (CHALLENGER, CHAMPION))
    return ours < theirs


POLICIES: dict[str, Callable[[Week], bool]] = {
    "this gate": by_gate,
    "lower metric wins": by_metric,
    "always deploy": lambda week: True,
    "never retrain": lambda week: False,
}


def _decide(week: Week) -> Decision:
    kind: Any = find_kind("nilm")
    facts = Facts(
        split=week.split.digest,
        champion_version=week.champion.week,
        unseen=tuple(sorted(week.split.held_out_sites)),
        floors=kind.floors({}),
        drift=drift(week.champion.days, week.now, week.challenger.days),
    )
    rules = rules_of(Settings(), seed=week.number)
    return judge(judgement_of(kind, "nilm", week.scored(), rules, facts))


def live(seed: int, weeks: int = WEEKS, sites: int = SITES) -> Year:
    """One year under every policy."""
    fleet = make_fleet(sites, weeks + AHEAD_WEEKS, seed)
    first = _train(fleet, WARM_UP, seed)[0]
    champions = dict.fromkeys(POLICIES, first)
    errors: dict[str, list[float]] = {name: [] for name in POLICIES}
    deployed: dict[str, list[int]] = {name: [] for name in POLICIES}
    ruined: dict[str, list[int]] = {name: [] for name in POLICIES}
    for week in range(WARM_UP + 1, WARM_UP + weeks):
        challenger, split = _train(fleet, week, seed)
        offer = _Offer(fleet, week, split, challenger)
        for name, accepts in POLICIES.items():
            champion = champions[name]
            if accepts(offer.against(champion)):
                deployed[name].append(week - WARM_UP)
                if _is_ruined(fleet, week, challenger, champion):
                    ruined[name].append(week - WARM_UP)
                champions[name] = challenger
        truths = {id(c): _on_truth(fleet, c, week, 1).mean() for c in champions.values()}
        for name, champion in champions.items():
            errors[name].append(float(truths[id(champion)]))
    return Year({name: np.array(weekly) for name, weekly in errors.items()}, deployed, ruined)


def _train(fleet: Fleet, week: int, seed: int) -> tuple[Model, Split]:
    """On the weeks before the holdout, of sites that are not held out, as labelled."""
    readings = fleet.until(week)
    split = make_split(readings.spans(), Settings().holdout, embargo_s=DAY_S)
    seen = [i for i, site in enumerate(fleet.sites) if site not in split.held_out_sites]
    hours = slice(0, _first_week(split) * WEEK_H - DAY_S // 3600)
    x = fleet.features[seen, hours].reshape(-1, fleet.features.shape[-1])
    y = fleet.labels[seen, hours].reshape(-1, len(APPLIANCES))
    drawn = np.random.default_rng((seed, week)).choice(len(x), EXAMPLES, replace=False)
    trees = [
        HistGradientBoostingRegressor(
            max_iter=50, learning_rate=0.15, max_leaf_nodes=24, random_state=week
        ).fit(x[drawn], y[drawn, k])
        for k in range(len(APPLIANCES))
    ]

    def power(features: np.ndarray) -> np.ndarray:
        rows = features.reshape(-1, features.shape[-1])
        watts = np.stack([np.maximum(tree.predict(rows), 0) for tree in trees], -1)
        return watts.reshape(*features.shape[:-1], -1)

    days = day_histograms(training_part(readings, split), (MAINS,))
    return Model(power, y.mean(0), days, week), split


class _Offer:
    """A week's challenger, scored once beside whichever champion a policy has."""

    def __init__(self, fleet: Fleet, week: int, split: Split, challenger: Model) -> None:
        hours = slice(_first_week(split) * WEEK_H, week * WEEK_H)
        self._x, self._labels = fleet.features[:, hours], fleet.labels[:, hours]
        self._sites, self._week = fleet.sites, week
        self._split, self._challenger = split, challenger
        self._now = day_histograms(holdout_part(fleet.until(week), split), (MAINS,))
        mean = np.broadcast_to(challenger.mean, self._labels.shape)
        powers = {CHALLENGER: challenger.power(self._x), "mean_power": mean}
        self._scores = {name: self._score(power) for name, power in powers.items()}

    def _score(self, power: np.ndarray) -> Scores:
        return _scores(self._sites, self._labels, power, self._week)

    def against(self, champion: Model) -> Week:
        """The week as a policy with this champion sees it; the champion is scored when
        the policy asks."""
        scored = partial(self._against, champion)
        return Week(self._week, self._split, self._challenger, champion, scored, self._now)

    def _against(self, champion: Model) -> dict[str, Scores]:
        return {**self._scores, CHAMPION: self._score(champion.power(self._x))}


def _first_week(split: Split) -> int:
    """The first whole week that is held out."""
    hours = (min(split.holdout_start.values()) - START) / np.timedelta64(1, "h")
    return int(np.ceil(hours / WEEK_H))


def _scores(sites: list[str], truth: np.ndarray, power: np.ndarray, week: int) -> Scores:
    """NILM's own statistics, a block for each site and week."""
    weeks = truth.shape[1] // WEEK_H
    shape = (len(sites) * weeks, 7, len(HOUR_BANDS), 6, len(APPLIANCES))
    true, said = (
        values.reshape(shape).transpose(0, 2, 4, 1, 3).reshape(shape[0], shape[2], shape[4], -1)
        for values in (truth, power)
    )
    by_band = statistics(true, said, np.array(list(THRESHOLDS.values()))[:, None])
    monday = START.astype("datetime64[D]") + 7 * np.arange(week - weeks, week)
    return Scores(
        APPLIANCES,
        STATS,
        np.repeat(sites, weeks),
        np.tile(monday, len(sites)),
        by_band.sum(1),
        {band: by_band[:, i] for i, band in enumerate(HOUR_BANDS)},
    )


def _on_truth(fleet: Fleet, model: Model, week: int, weeks: int) -> np.ndarray:
    """MAE of each appliance over the weeks that follow, W, shape (n_appliances,)."""
    hours = slice(week * WEEK_H, (week + weeks) * WEEK_H)
    miss = np.abs(model.power(fleet.features[:, hours]) - fleet.truth[:, hours])
    return np.asarray(miss.mean((0, 1)))


def _is_ruined(fleet: Fleet, week: int, new: Model, old: Model) -> bool:
    ours, theirs = (_on_truth(fleet, model, week, AHEAD_WEEKS) for model in (new, old))
    worse = ours.mean() > RUINED * theirs.mean()
    return bool(worse or np.any(ours > RUINED_APPLIANCE * np.maximum(theirs, 1.0)))
