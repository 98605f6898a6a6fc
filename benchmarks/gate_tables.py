"""Trials of the gate itself: simulated tables of losses whose truth is known.

A challenger's loss in a home and week is the champion's times a ratio: its true effect, how
it suits that home, what a week does to all homes, and what a week does to one. How much
these vary was measured on real retrainings (``gate_components``). The gate judges such
tables as it judges real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import beta

from smartwatts_ml.gate.decision import CHALLENGER, CHAMPION, Decision
from smartwatts_ml.gate.judge import judge
from smartwatts_ml.gate.judgement import Facts, Judgement, Rules
from smartwatts_ml.scores.scores import Criterion, Scores
from smartwatts_ml.scores.sheet import HOUR_BANDS

__all__ = [
    "CRITERIA",
    "GIANT",
    "HARM",
    "SCENARIOS",
    "Scenario",
    "Tables",
    "headline",
    "judged",
    "proportion_interval",
    "simulate_tables",
    "try_gate",
]

APPLIANCES = ("kettle", "fridge", "dishwasher", "washing_machine", "microwave")
STATS = ("loss", "hours", "guarded")
HARM = 1.5
GIANT = 200.0


@dataclass(frozen=True)
class Tables:
    """What is simulated: so many sites and weeks; standard deviations of the logarithm of
    challenger over champion: how it suits a site, a week at all sites, a week at a site. As
    measured, times the square root of two, since two trainings differ."""

    sites: int = 30
    weeks: int = 5
    site_spread: float = 0.011
    shared_spread: float = 0.005
    week_spread: float = 0.026


@dataclass(frozen=True)
class Scenario:
    """What is true of a challenger. ``effect``: its mean loss over the champion's, all told;
    ``appliance_harm`` and ``home_harm``: by what one appliance, or a share of the homes
    (``homes``; 0: one home), get worse, the others making up for it; ``guard_harm``: by what
    the guarded metric does; ``giant``: one home has so many times the loss of others,
    being large, or in a mean of ratios almost vacant, and is 15 % better while all others are
    20 % worse. ``least_sites``: where it is tried. ``at_most`` and ``at_least``: the share of
    runs in which it may or must be accepted."""

    name: str
    effect: float = 1.0
    appliance_harm: float = 1.0
    home_harm: float = 1.0
    homes: float = 0.1
    guard_harm: float = 1.0
    giant: float | None = None
    least_sites: int = 1
    at_most: float | None = None
    at_least: float | None = None


SCENARIOS = (
    Scenario("of equal quality", at_most=0.20),
    Scenario("2 % better", effect=0.98, at_least=0.80),
    Scenario("2 % worse", effect=1.02, at_most=0.05),
    Scenario("5 % better, one appliance worse by half", 0.95, appliance_harm=HARM, at_most=0.05),
    Scenario(
        "5 % better, a tenth of homes worse by half", 0.95, 1, HARM, least_sites=30, at_most=0.05
    ),
    Scenario("5 % better, one home worse by half", 0.95, home_harm=HARM, homes=0, at_most=0.05),
    Scenario("5 % better, a guarded metric worse by a tenth", 0.95, guard_harm=1.1, at_most=0.05),
    Scenario(
        "one home that weighs 200-fold 15 % better, others 20 % worse", giant=GIANT, at_most=0
    ),
)


CRITERIA = (
    Criterion("loss", "lower", "improve", "loss"),
    Criterion("guarded", "lower", "guard", "guarded loss", tolerance=0.02, relative=True),
)


def headline(sums: np.ndarray) -> dict[str, float]:
    """Mean over channels of the loss an hour, pooled over homes, from (n_sites, n_channels, 3)."""
    total = sums.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        loss, guarded = (total[:, ::2] / total[:, 1:2]).mean(0)
    return {"loss": float(loss), "guarded": float(guarded)}


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
    if scenario.giant is not None:
        champion[0] *= scenario.giant
    losses = {
        CHAMPION: (champion, champion),
        CHALLENGER: (champion * ratio, champion * guard_ratio),
        "simple": (1.5 * champion, 1.5 * champion),
    }
    return {name: _scores(tables, *parts) for name, parts in losses.items()}


def _suits(tables: Tables, rng: np.random.Generator) -> np.ndarray:
    """How a challenger suits each site and week, a ratio around 1."""
    site = rng.normal(0, tables.site_spread, (tables.sites, 1, 1, 1))
    shared = rng.normal(0, tables.shared_spread, (1, tables.weeks, 1, 1))
    week = rng.normal(0, tables.week_spread, (tables.sites, tables.weeks, 1, 1))
    return np.exp(site + shared + week)


def _ratio(
    scenario: Scenario, tables: Tables, level: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Challenger over champion. Who is harmed is drawn; the others make up for it, so that
    the whole is what ``effect`` says."""
    harm = np.ones(level.shape)
    if scenario.giant is not None:
        harm *= 1.2
        harm[0] = 0.85
        return harm * _suits(tables, rng)
    if scenario.appliance_harm != 1:
        harm[:, :, rng.integers(len(APPLIANCES))] = scenario.appliance_harm
    if scenario.home_harm != 1:
        count = max(1, round(tables.sites * scenario.homes))
        harm[rng.choice(tables.sites, count, replace=False)] = scenario.home_harm
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
        sites=np.repeat([f"home{i:04d}" for i in range(tables.sites)], tables.weeks),
        weeks=np.tile(monday, tables.sites),
        sums=by_band.sum(2),
        bands={name: by_band[:, :, i] for i, name in enumerate(HOUR_BANDS)},
    )


def try_gate(scenario: Scenario, tables: Tables, rules: Rules, seed: int) -> Decision:
    """The gate's decision on one simulated table."""
    return judged(simulate_tables(scenario, tables, seed), replace(rules, seed=seed))


def judged(scores: Mapping[str, Scores], rules: Rules, anchors: tuple[str, ...] = ()) -> Decision:
    """The gate's decision on scores of such tables."""
    sites = np.unique(scores[CHALLENGER].sites)
    facts = Facts("simulated", 1, tuple(sites[::7]) if len(sites) > 9 else None, anchors=anchors)
    required = ("loss", "guarded")
    return judge(Judgement("simulated", CRITERIA, required, headline, scores, rules, facts))


def proportion_interval(hits: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share (Clopper and Pearson 1934).

    >>> [round(bound, 3) for bound in proportion_interval(3, 100)]
    [0.006, 0.085]
    """
    tail = (1 - confidence) / 2
    low = beta.ppf(tail, hits, runs - hits + 1) if hits else 0.0
    high = beta.ppf(1 - tail, hits + 1, runs - hits) if hits < runs else 1.0
    return float(low), float(high)
