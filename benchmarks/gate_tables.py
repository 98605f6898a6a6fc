"""Trials of the gate itself: simulated tables of losses whose truth is known.

A challenger's loss at a site is the champion's times a ratio: its true effect, how it suits
that site (a standard deviation of 8 %, say), and what a week adds. The gate judges such
tables as it judges real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import beta

from smartwatts_ml.gate.decision import CHALLENGER, CHAMPION, Decision
from smartwatts_ml.gate.judge import judge
from smartwatts_ml.gate.judgement import Facts, Judgement, Rules
from smartwatts_ml.scores.scores import Criterion, Scores
from smartwatts_ml.scores.sheet import HOUR_BANDS

__all__ = ["SCENARIOS", "Scenario", "Tables", "proportion_interval", "simulate_tables", "try_gate"]

APPLIANCES = ("kettle", "fridge", "dishwasher", "washing_machine", "microwave")
STATS = ("loss", "hours", "guarded")
HARM = 1.5


@dataclass(frozen=True)
class Tables:
    """What is simulated: so many sites and weeks; relative standard deviations of how a
    challenger suits a site, and of a week at a site."""

    sites: int = 30
    weeks: int = 8
    site_spread: float = 0.08
    week_spread: float = 0.08


@dataclass(frozen=True)
class Scenario:
    """What is true of a challenger. ``effect``: its mean loss over the champion's, all told;
    ``appliance_harm`` and ``home_harm``: by what one appliance, or one tenth of the homes,
    get worse, the others making up for it; ``guard_harm``: by what the guarded metric does.
    ``wanted``: the most or the least share of runs in which it may or must be accepted."""

    name: str
    effect: float = 1.0
    appliance_harm: float = 1.0
    home_harm: float = 1.0
    guard_harm: float = 1.0
    at_most: float | None = None
    at_least: float | None = None


SCENARIOS = (
    Scenario("of equal quality", at_most=0.05),
    Scenario("5 % better", effect=0.95, at_least=0.80),
    Scenario("5 % better, one appliance worse by half", 0.95, appliance_harm=HARM, at_most=0.05),
    Scenario("5 % better, a tenth of homes worse by half", 0.95, home_harm=HARM, at_most=0.05),
    Scenario("5 % better, a guarded metric worse by a tenth", 0.95, guard_harm=1.1, at_most=0.05),
    Scenario("5 % worse", effect=1.05, at_most=0.05),
)


CRITERIA = (
    Criterion("loss", "lower", "improve", "loss"),
    Criterion("guarded", "lower", "guard", "guarded loss", tolerance=0.02, relative=True),
)


def headline(sums: np.ndarray) -> dict[str, float]:
    """Mean over sites and channels of the loss an hour, from (n_sites, n_channels, 3)."""
    means = (sums[..., ::2] / sums[..., 1:2]).reshape(-1, 2).sum(0) * (2 / sums[..., ::2].size)
    return {"loss": float(means[0]), "guarded": float(means[1])}


def simulate_tables(scenario: Scenario, tables: Tables, seed: int) -> dict[str, Scores]:
    """Scores of champion, challenger and a baseline that is half again as bad."""
    rng = np.random.default_rng(seed)
    shape = (tables.sites, tables.weeks, len(APPLIANCES), len(HOUR_BANDS))
    level = np.exp(rng.normal(0, 0.5, (tables.sites, 1, 1, 1))) * np.exp(
        rng.normal(0, 0.5, (1, 1, len(APPLIANCES), 1))
    )
    level = level / level.mean()
    champion = level * np.exp(rng.normal(0, 0.2, shape))
    ratio = _ratio(scenario, tables, level, rng)
    guard_ratio = _suits(tables, rng) * scenario.guard_harm
    losses = {
        CHAMPION: (champion, champion),
        CHALLENGER: (champion * ratio, champion * guard_ratio),
        "simple": (1.5 * champion, 1.5 * champion),
    }
    return {name: _scores(tables, *parts) for name, parts in losses.items()}


def _suits(tables: Tables, rng: np.random.Generator) -> np.ndarray:
    """How a challenger suits each site and week: a ratio of mean 1."""
    site = 1 + rng.normal(0, tables.site_spread, (tables.sites, 1, 1, 1))
    week = 1 + rng.normal(0, tables.week_spread, (tables.sites, tables.weeks, 1, 1))
    return np.maximum(site * week, 0.05)


def _ratio(
    scenario: Scenario, tables: Tables, level: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Challenger over champion. Who is harmed is drawn; the others make up for it, so that
    the whole is what ``effect`` says."""
    harm = np.ones(level.shape)
    if scenario.appliance_harm != 1:
        harm[:, :, rng.integers(len(APPLIANCES))] = scenario.appliance_harm
    if scenario.home_harm != 1:
        harmed = rng.choice(tables.sites, max(1, tables.sites // 10), replace=False)
        harm[harmed] = scenario.home_harm
    hurt = harm > 1
    if hurt.any():
        share = float((level * hurt).sum() / level.sum())
        paid = (scenario.effect - share * harm.max()) / max(1 - share, 1e-9)
        harm = np.where(hurt, harm, max(paid, 0.05))
    else:
        harm *= scenario.effect
    return harm * _suits(tables, rng)


def _scores(tables: Tables, loss: np.ndarray, guarded: np.ndarray) -> Scores:
    hours = np.full(loss.shape, 42.0)
    by_band = np.stack([loss * hours, hours, guarded * hours], -1)
    by_band = by_band.reshape(-1, *by_band.shape[2:])
    monday = np.datetime64("2026-01-05") + 7 * np.arange(tables.weeks)
    return Scores(
        channels=APPLIANCES,
        stats=STATS,
        sites=np.repeat([f"home{i:03d}" for i in range(tables.sites)], tables.weeks),
        weeks=np.tile(monday, tables.sites),
        sums=by_band.sum(2),
        bands={name: by_band[:, :, i] for i, name in enumerate(HOUR_BANDS)},
    )


def try_gate(scenario: Scenario, tables: Tables, rules: Rules, seed: int) -> Decision:
    """The gate's decision on one simulated table."""
    scores = simulate_tables(scenario, tables, seed)
    unseen = tuple(f"home{i:03d}" for i in range(0, tables.sites, 7))
    facts = Facts(split="simulated", champion_version=1, unseen=unseen)
    seeded, required = replace(rules, seed=seed), ("loss", "guarded")
    return judge(Judgement("simulated", CRITERIA, required, headline, scores, seeded, facts))


def proportion_interval(hits: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share (Clopper and Pearson 1934).

    >>> [round(bound, 3) for bound in proportion_interval(3, 100)]
    [0.006, 0.085]
    """
    tail = (1 - confidence) / 2
    low = beta.ppf(tail, hits, runs - hits + 1) if hits else 0.0
    high = beta.ppf(1 - tail, hits + 1, runs - hits) if hits < runs else 1.0
    return float(low), float(high)
