"""Twelve simulated years of weekly retrainings, at several sizes of fleet, before the real gate.

Every week a challenger is trained; it differs from others by luck and grows old, as measured
on real retrainings (``gate_components``), and now and then a training goes wrong. The gate
sees losses of the last weeks, a block for each home and week; what a model does in a week
is the same whenever it is judged on that week. How good a model truly is in this fleet, apart
from the luck of weeks, is known here alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtrit

from benchmarks.gate_tables import CRITERIA
from smartwatts_ml.gate import (
    CHALLENGER,
    CHAMPION,
    Decision,
    Facts,
    Judgement,
    Outcome,
    Rules,
    judge,
)
from smartwatts_ml.gate.rules import compare
from smartwatts_ml.scores.scores import Scores

__all__ = ["SIZES", "WORLD", "World", "Years", "as_row", "live_years", "titles"]

SIZES = (5, 17, 30, 100, 1000)
WEEKS_A_YEAR = 52
MONDAY = np.datetime64("2026-01-05")
WORSE = 0.02


@dataclass(frozen=True)
class World:
    """Standard deviations of a training's log loss: at all homes, at a home, in a week at all
    homes, in a week at a home; ``ageing``: what a week adds, and how unlike that is in homes.
    ``wrong``: the share of trainings that go wrong, by ``harm`` (standard deviation of a
    half-normal). ``holdout``: weeks."""

    training: float
    site: float
    week: float
    site_week: float
    ageing: float
    site_ageing: float
    wrong: float = 0.05
    harm: float = 0.05
    holdout: int = 4


WORLD = World(
    training=0.0016,
    site=0.0078,
    week=0.0034,
    site_week=0.0185,
    ageing=0.0012,
    site_ageing=0.0023,
)
"""As ``benchmarks.gate components`` measured it: 24 h forecasts of 17 real homes."""


@dataclass(frozen=True)
class _Model:
    """Log loss at each home when it was new, and what a week adds to it, shape (n_sites,)."""

    number: int
    born: int
    new: np.ndarray
    ageing: np.ndarray

    def skill(self, week: int) -> np.ndarray:
        """Log loss at each home, apart from the luck of weeks."""
        return np.asarray(self.new + self.ageing * (week - self.born))


@dataclass
class Years:
    """What years under a policy gave. ``worse``: for each offer that was accepted, its week
    and by how much its true log loss is above that of what it replaced; ``offers``: the same
    of all offers; ``ages``: weeks since what ships was put in force, week by week; ``losses``:
    its true log loss over that of a new model of average luck."""

    sites: int
    accepted: list[tuple[int, float]] = field(default_factory=list)
    offers: list[float] = field(default_factory=list)
    ages: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    @property
    def years(self) -> float:
        return len(self.ages) / WEEKS_A_YEAR

    def years_with(self, least: float) -> float:
        """The share of years in which one was accepted that is worse by ``least`` or more."""
        bad = {week // WEEKS_A_YEAR for week, worse in self.accepted if worse >= least}
        return len(bad) / self.years

    @property
    def no_better_accepted(self) -> float:
        """The share of offers that are no better which was accepted."""
        bad = sum(worse >= 0 for worse in self.offers)
        return sum(worse >= 0 for _, worse in self.accepted) / max(bad, 1)


def live_years(
    world: World, rules: Rules, sites: int, years: int, seed: int, renew_weeks: int = 0
) -> Years:
    """So many years of so many homes under the rules. ``renew_weeks``: after so many weeks what
    ships is renewed by a challenger that evidence alone is lacking for, if it is shown to be no
    worse than the margin; the next ones meet what was judged before. 0: never."""
    rng = np.random.default_rng((seed, sites))
    judged, lived = _trained(world, sites, 0, 0, rng), Years(sites)
    shipped, since = judged, 0
    for week in range(1, years * WEEKS_A_YEAR + 1):
        challenger = _trained(world, sites, week, week, rng)
        worse = float(np.mean(challenger.skill(week) - shipped.skill(week)))
        lived.offers.append(worse)
        met = _met(world, rules, seed, week, challenger, judged)
        decision = judge(met)
        if decision.accepted:
            judged = challenger
        waited = bool(renew_weeks) and week - since >= renew_weeks
        if decision.accepted or (waited and _renews(met, decision)):
            lived.accepted.append((week - 1, worse))
            shipped, since = challenger, week
        lived.ages.append(week - since)
        lived.losses.append(float(shipped.skill(week).mean()))
    return lived


def _renews(met: Judgement, decision: Decision) -> bool:
    """Whether nothing but evidence is lacking, and a loss beyond the margin is not likely."""
    if decision.outcome is not Outcome.NO_EVIDENCE:
        return False
    gain = compare(met, met.improve, CHAMPION)
    low = gain.gain - gain.error * float(stdtrit(gain.freedom, met.rules.fresh_confidence))
    return low > -met.rules.margin * abs(met.metrics[CHAMPION][met.improve.metric])


def _trained(world: World, sites: int, number: int, week: int, rng: np.random.Generator) -> _Model:
    luck = rng.normal(0, world.training)
    if rng.random() < world.wrong:
        luck += abs(rng.normal(0, world.harm))
    unlike = rng.normal(0, world.site_ageing, sites)
    ageing = world.ageing + unlike - unlike.mean()
    return _Model(number, week, luck + rng.normal(0, world.site, sites), ageing)


def _met(
    world: World, rules: Rules, seed: int, week: int, challenger: _Model, champion: _Model
) -> Judgement:
    weeks = range(week - world.holdout, week)
    sites = len(champion.new)
    simple = _Model(-1, week, np.full(sites, 0.5), np.zeros(sites))
    systems = {CHALLENGER: challenger, CHAMPION: champion, "simple": simple}
    scores = {name: _scores(world, model, weeks, seed) for name, model in systems.items()}
    age = float(week - champion.born)
    facts = Facts("simulated", champion.number, fleet=sites, champion_weeks=age)
    return Judgement("simulated", CRITERIA, ("loss",), _headline, scores, rules, facts)


def _scores(world: World, model: _Model, weeks: Sequence[int], seed: int) -> Scores:
    """What a model loses in each home and week. The homes' own levels are the same for all."""
    sites = len(model.new)
    level = np.random.default_rng((seed, 7)).normal(0, 0.5, sites)
    logs = np.empty((sites, len(weeks)))
    for i, week in enumerate(weeks):
        rng = np.random.default_rng((seed, model.number + 1, week + WEEKS_A_YEAR))
        shared, own = rng.normal(0, world.week), rng.normal(0, world.site_week, sites)
        logs[:, i] = level + model.skill(week) + shared + own
    loss = np.exp(logs).ravel()
    return Scores(
        channels=("mains",),
        stats=("loss", "hours", "guarded"),
        sites=np.repeat([f"home{i:04d}" for i in range(sites)], len(weeks)),
        weeks=np.tile(MONDAY + 7 * np.array(weeks), sites),
        sums=np.stack([loss, np.ones_like(loss), loss], -1)[:, None],
    )


def _headline(sums: np.ndarray) -> dict[str, float]:
    """Mean loss over homes."""
    total = sums.sum((0, 1))
    loss = float(total[0] / total[1])
    return {"loss": loss, "guarded": loss}


_COLUMNS: Mapping[str, Callable[[Years], str]] = {
    "sites": lambda y: f"{y.sites:,}",
    "accepted a year": lambda y: f"{len(y.accepted) / y.years:.1f}",
    "of offers no better": lambda y: f"{y.no_better_accepted:.1%}",
    "years with one no better": lambda y: f"{y.years_with(0):.0%}",
    "by .5 % worse": lambda y: f"{y.years_with(0.005):.0%}",
    "by 2 % worse": lambda y: f"{y.years_with(WORSE):.0%}",
    "median age, weeks": lambda y: f"{np.median(y.ages):.0f}",
    "loss": lambda y: f"{np.mean(y.losses):+.2%}".replace("-", "−"),
}


def titles() -> list[str]:
    """Of the columns of ``as_row``."""
    return list(_COLUMNS)


def as_row(lived: Years) -> list[str]:
    """For people."""
    return [column(lived) for column in _COLUMNS.values()]
