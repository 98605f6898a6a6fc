"""What a bad version costs a fleet: rings that weigh evidence, against two other ways.

    python -m benchmarks.fleet_rollout              # a year: five models, eight versions each
    python -m benchmarks.fleet_rollout --coverage   # bounds under heavy tails

2,000 gateways send a beacon a day, or none; they take a new version when they next pull. Ten of
forty versions are bad, each in another way. Every decision is one of the package's own functions.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import ttest_1samp

from smartwatts_ml.gate.evidence import (
    BOUND,
    FleetRules,
    HomeEvidence,
    Verdict,
    decide,
    e_value,
    relative,
    weigh,
)
from smartwatts_ml.gate.paired_homes import WINDOWS, HomeDays, paired_failures, paired_losses

HOMES, BEFORE, AFTER = 2000, 28, 45
RINGS = (0.05, 0.25, 1.0)
OLD, NEW = 1, 2
RULES = FleetRules(patience_days=14)
LEAST_DAYS = 2
"""A ring is looked at for so long at least."""


@dataclass(frozen=True)
class Version:
    """``worse``: the share by which errors are higher, in ``part`` of homes; ``dead``: the share of
    homes in which it does not load; ``mute``: in which nothing is heard any more."""

    name: str
    worse: float = 0.0
    part: float = 1.0
    dead: float = 0.002
    mute: float = 0.001

    @property
    def is_bad(self) -> bool:
        return self.worse > RULES.harm or self.dead > RULES.failures or self.mute > RULES.failures


BAD = (
    Version("does not load", dead=1.0),
    Version("does not load in a fifth of homes", dead=0.2),
    Version("a tenth of gateways die of it", mute=0.1),
    Version("errors +100 %", 1.0),
    Version("errors +50 %", 0.5),
    Version("errors +30 %", 0.3),
    Version("errors +20 %", 0.2),
    Version("errors +15 %", 0.15),
    Version("errors +10 %", 0.1),
    Version("errors +60 % in a fifth of homes", 0.6, part=0.2),
)


@dataclass
class Fleet:
    """What every home would say on every day, whatever it runs."""

    rng: np.random.Generator
    liars: int

    def __post_init__(self) -> None:
        rng, shape = self.rng, (HOMES, BEFORE + AFTER)
        level = np.exp(rng.normal(0, 0.6, (HOMES, 1)))
        season = 1 + 0.3 * np.sin(np.arange(shape[1]) / 365 * 2 * np.pi + rng.uniform(0, 6))
        habits = np.cumsum(rng.normal(0, 0.03, shape), axis=1)  # a home changes its ways
        noise = 0.2 * rng.standard_t(3, shape)
        self.loss = level * season * np.exp(habits + noise)
        self.scale = np.exp(rng.normal(6, 0.5, shape))
        self.heard = rng.random(shape) > 0.1
        self.heard[rng.random(HOMES) < 0.05] = False
        self.delay = rng.geometric(0.5, HOMES)
        self.lot = rng.permutation(HOMES)
        self.lies = rng.random(HOMES) < self.liars / HOMES
        self.dice = rng.random((3, HOMES))

    def days(self, version: Version, starts: np.ndarray, ends: np.ndarray, today: int) -> HomeDays:
        """As it is known at the end of ``today``, when homes run the version from ``starts`` to
        ``ends``, days since the publication."""
        day = np.arange(BEFORE + AFTER) - BEFORE
        runs = (day >= starts[:, None]) & (day < ends[:, None])
        dead = runs & (self.dice[0] < version.dead)[:, None]
        mute = runs & (self.dice[1] < version.mute)[:, None] & (day > starts[:, None])
        hit = runs & (self.dice[2] < version.part)[:, None]
        error = self.loss * np.where(hit, 1 + version.worse, 1) * self.scale
        lie = 1e9 if not version.is_bad else 0.0
        error = np.where(self.lies[:, None] & runs, lie, error)
        heard = self.heard & ~mute
        loaded = np.where(runs & ~dead, NEW, OLD) * heard
        failed = np.where(dead, NEW, 0) * heard
        until = BEFORE + today + 1
        arrays = (loaded, failed, error, self.scale)
        return HomeDays(*(array[:, :until] for array in arrays))


Judge = Callable[[HomeDays, int], str]
"""From days and how long this ring has been open: "widen", "hold" or "back"."""


def evidence_of(days: HomeDays) -> HomeEvidence:
    """As `smartwatts watch` has it of beacons."""
    losses = [paired_losses(days, NEW, OLD, window) for window in WINDOWS]
    return weigh(losses, paired_failures(days, NEW, OLD), RULES)


def by_evidence(days: HomeDays, held: int) -> str:
    """The package's way."""
    verdict: Verdict = decide(evidence_of(days), RULES, held)
    return verdict.action if held >= LEAST_DAYS or verdict.action == "back" else "hold"


def by_crashes(days: HomeDays, held: int) -> str:
    """Back where 5 % of the homes that tried it failed, on after three days."""
    tried = ((days.version == NEW) | (days.failed == NEW)).any(axis=1)
    failed = (days.failed == NEW).any(axis=1)
    if tried.any() and failed.sum() >= 0.05 * tried.sum() and failed.sum() > 1:
        return "back"
    return "widen" if held >= 3 else "hold"


def by_t_test(days: HomeDays, held: int) -> str:
    """The same homes as the package's way, judged by a t-test at 5 % at every look."""
    differences = paired_losses(days, NEW, OLD, 7)
    differences = differences[np.isfinite(differences)]
    if len(differences) > 4:
        test = ttest_1samp(differences, RULES.harm / 2, alternative="greater")
        if test.pvalue < 0.05:
            return "back"
    return by_crashes(days, held)


@dataclass(frozen=True)
class Course:
    """What became of one version: the day on which it went back, or was everywhere; homes that ever
    ran it, and their days."""

    version: Version
    back: int | None
    everywhere: int | None
    homes: int
    home_days: int


def course(version: Version, seed: int, judge: Judge | None, liars: int) -> Course:
    """Publish a version; nobody judges it: it goes to all at once and stays."""
    fleet = Fleet(np.random.default_rng(seed), liars)
    never = np.full(HOMES, 10**6)
    starts, ends = never.copy(), never.copy()
    ring, opened = 0, 0
    back = everywhere = None
    for today in range(AFTER):
        share = RINGS[ring] if judge else 1.0
        due = (fleet.lot < share * HOMES) & (starts == never) & (back is None)
        starts[due] = today + fleet.delay[due]
        if share == 1.0 and everywhere is None:
            everywhere = today
        if judge is None or back is not None:
            continue
        verdict = judge(fleet.days(version, starts, ends, today), today - opened)
        if verdict == "back":
            back = today
            ends = np.where(starts <= today, np.maximum(starts, today + fleet.delay), starts)
        elif verdict == "widen" and ring < len(RINGS) - 1:
            ring, opened = ring + 1, today + 1
    ran = np.clip(np.minimum(ends, AFTER) - starts, 0, None)
    everywhere = None if back is not None and judge else everywhere
    return Course(version, back, everywhere, int((ran > 0).sum()), int(ran.sum()))


def year(seed: int) -> list[Version]:
    """Forty versions, ten of them bad; the others are between 10 % better and 4 % worse."""
    rng = np.random.default_rng(seed)
    good = [Version(f"good {n}", float(rng.uniform(-0.1, 0.04))) for n in range(30)]
    return [*BAD, *good]


WAYS: dict[str, Judge | None] = {
    "to all at once": None,
    "waves that count crashes": by_crashes,
    "waves, a t-test at every look": by_t_test,
    "rings that weigh evidence": by_evidence,
}


def _courses(way: str, liars: int, seeds: list[int]) -> list[Course]:
    tasks = [(version, 1000 * seed + n) for seed in seeds for n, version in enumerate(year(seed))]
    work = partial(_course, WAYS[way], liars)
    with ProcessPoolExecutor() as pool:
        return list(pool.map(work, tasks))


def _course(judge: Judge | None, liars: int, task: tuple[Version, int]) -> Course:
    return course(task[0], task[1], judge, liars)


def _table(seeds: list[int], liars: int) -> None:
    print(f"{len(seeds)} years of 40 versions, {HOMES} gateways, {liars} of which lie\n")
    print(
        "| way | bad: taken back | homes hurt, mean | home-days hurt | days until back | good: "
        "taken back | good: days until everywhere |"
    )
    print("|---|---|---|---|---|---|---|")
    for way in WAYS:
        courses = _courses(way, liars, seeds)
        bad = [c for c in courses if c.version.is_bad]
        good = [c for c in courses if not c.version.is_bad]
        days = [c.back for c in bad if c.back is not None]
        spread = [c.everywhere for c in good if c.everywhere is not None]
        print(
            f"| {way} | {len(days)} of {len(bad)} | {np.mean([c.homes for c in bad]):,.0f} "
            f"| {np.sum([c.home_days for c in bad]) / len(seeds):,.0f} a year "
            f"| {f'{np.median(days):.0f}' if days else '–'} "
            f"| {sum(c.back is not None for c in good)} of {len(good)} "
            f"| {f'{np.median(spread):.0f} ({len(spread)} of {len(good)})' if spread else '–'} |",
            flush=True,
        )
        if way == list(WAYS)[-1]:
            _by_version(bad)


def _by_version(bad: list[Course]) -> None:
    print("\n| bad version | taken back | after days | homes hurt |\n|---|---|---|---|")
    for version in BAD:
        its = [c for c in bad if c.version == version]
        days = [c.back for c in its if c.back is not None]
        homes = np.mean([c.homes for c in its])
        shown = f"{min(days)}–{max(days)}" if days else "–"
        print(f"| {version.name} | {len(days)} of {len(its)} | {shown} | {homes:,.0f} |")


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


def _coverage(repeats: int) -> None:
    """Differences of 800 homes; the null is met exactly, and then harm of 15 %."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--liars", type=int, default=0)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--repeats", type=int, default=1000)
    asked = parser.parse_args()
    if asked.coverage:
        _coverage(asked.repeats)
    else:
        _table(list(range(asked.years)), asked.liars)


if __name__ == "__main__":
    main()
