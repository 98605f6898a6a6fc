"""How often bounds are wrong that are looked at again and again, under heavy tails.

Run by `python -m benchmarks.fleet_rollout --coverage`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import ttest_1samp

from smartwatts_ml.gate.evidence import BOUND, FleetRules, e_value, relative

__all__ = ["coverage"]

RULES = FleetRules()


def _bets(x: np.ndarray, margin: float) -> Iterator[bool]:
    yield from (e_value(x[:n], margin) >= 1 / RULES.alpha for n in _looks(len(x)))


def _empirical_bernstein(x: np.ndarray, margin: float) -> Iterator[bool]:
    """The predictable plug-in of Waudby-Smith and Ramdas 2024, theorem 2, on values cut to BOUND
    and brought to 0..1."""
    y = (np.clip(x, -BOUND, BOUND) + BOUND) / (2 * BOUND)
    t = np.arange(1, len(y) + 1)
    mean = (0.5 + np.cumsum(y)) / (t + 1)
    var = (0.25 + np.cumsum((y - mean) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], var[:-1]])
    stake = np.minimum(np.sqrt(2 * np.log(1 / RULES.alpha) / (before * t * np.log(t + 1))), 0.5)
    v = 4 * (y - np.concatenate([[0.5], mean[:-1]])) ** 2
    cost = np.cumsum(v * (-np.log(1 - stake) - stake) / 4)
    low = (np.cumsum(stake * y) - np.log(1 / RULES.alpha) - cost) / np.cumsum(stake)
    yield from (low[n - 1] > (margin + BOUND) / (2 * BOUND) for n in _looks(len(x)))


def _normal_mixture(x: np.ndarray, margin: float) -> Iterator[bool]:
    """Robbins 1970, with the variance as it is measured, on values that are not cut."""
    for n in _looks(len(x)):
        s, v = float(np.sum(x[:n] - margin)), float(np.var(x[:n]) * n)
        rho = float(np.var(x[:n])) * 50
        log = 0.5 * np.log(rho / (rho + v)) + s * s / (2 * (rho + v))
        yield s > 0 and log >= np.log(1 / (2 * RULES.alpha))


def _t_test(x: np.ndarray, margin: float) -> Iterator[bool]:
    for n in _looks(len(x)):
        yield ttest_1samp(x[:n], margin, alternative="greater").pvalue < RULES.alpha


def _looks(n: int) -> range:
    return range(8, n + 1, 8)


def coverage(repeats: int) -> None:
    """Print how often each bound is wrong when it is looked at after every eighth of 800 homes and
    the null is met exactly, and how many homes show harm of 15 %."""
    rng = np.random.default_rng(0)
    draws: dict[str, Callable[[float], np.ndarray]] = {
        "normal": lambda shift: rng.normal(shift, 0.08, 800),
        "t with 2 degrees": lambda shift: shift + 0.06 * rng.standard_t(2, 800),
        "one home in 50 is broken": lambda shift: np.where(
            rng.random(800) < 0.02, rng.choice([-1, 1], 800), rng.normal(shift, 0.08, 800)
        ),
        "skewed": lambda shift: shift + 0.05 * (rng.lognormal(0, 1, 800) - np.exp(0.5)),
    }
    bounds = (_bets, _empirical_bernstein, _normal_mixture, _t_test)
    print("| homes | " + " | ".join(b.__name__.strip("_") for b in bounds) + " |")
    print("|---|" + "---|" * len(bounds))
    for name, draw in draws.items():
        cells = []
        for bound in bounds:
            cut = bound in (_bets, _empirical_bernstein)
            null = float(np.mean([np.clip(draw(0), -BOUND, BOUND) for _ in range(200)])) * cut
            false = [any(bound(draw(0), null)) for _ in range(repeats)]
            harm = float(relative(np.array(1.15), np.array(1.0)))
            took = [_first(bound(draw(harm), 0.0244)) for _ in range(repeats // 4)]
            cells.append(f"{np.mean(false):.3f}, {np.median(took):.0f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _first(shown: Iterator[bool]) -> float:
    return next((8.0 * (n + 1) for n, one in enumerate(shown) if one), np.inf)
