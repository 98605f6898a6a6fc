"""What a bad version costs a fleet: rings that weigh evidence, against two other ways.

    python -m benchmarks.fleet_rollout --years 3             # of five models, eight versions each
    python -m benchmarks.fleet_rollout --rings 1,10,50,100   # another first ring
    python -m benchmarks.fleet_rollout --liars 0.01 0.05     # shares of gateways that lie
    python -m benchmarks.fleet_rollout --coverage            # bounds under heavy tails

2,000 gateways send a beacon a day, or none; they take a new version when they next pull. Ten of
forty versions are bad, each in another way. Every decision is one of the package's own functions.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.stats import ttest_1samp

from benchmarks.fleet_coverage import coverage
from smartwatts_ml.gate.evidence import FleetRules, HomeEvidence, Verdict, decide, weigh
from smartwatts_ml.gate.paired_homes import PARTNERS, WINDOWS, HomeDays, Pairing

HOMES, BEFORE, AFTER = 2000, 28, 45
OLD, NEW = 1, 2
RULES = FleetRules(patience_days=28)
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
    liars: float

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
        self.lies = rng.random(HOMES) < self.liars
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


Judge = Callable[["Way", HomeDays, int], str]
"""From days and how long this ring has been open: "widen", "hold" or "back"."""


@dataclass(frozen=True)
class Way:
    """How a version goes to a fleet: by ``rings``, shares of gateways, and what ``judge`` says;
    without one to all at once. ``partners`` of a home, at most; after ``patience`` days without
    harm it goes on."""

    name: str
    judge: Judge | None
    rings: tuple[float, ...] = (1.0,)
    partners: int = PARTNERS
    patience: float = 0.0

    def lapses(self, held: int) -> bool:
        """Whether a ring that nobody widens is over; the last one never is."""
        return bool(self.patience) and held >= 2 * self.patience

    @property
    def rules(self) -> FleetRules:
        return replace(RULES, patience_days=self.patience)


def evidence_of(way: Way, days: HomeDays) -> HomeEvidence:
    """As `smartwatts watch` has it of beacons."""
    pairing = Pairing(days, NEW, OLD, way.partners)
    return weigh([pairing.losses(window) for window in WINDOWS], pairing.failures(), way.rules)


def by_evidence(way: Way, days: HomeDays, held: int) -> str:
    """The package's way."""
    verdict: Verdict = decide(evidence_of(way, days), way.rules, held)
    return verdict.action if held >= LEAST_DAYS or verdict.action == "back" else "hold"


def by_crashes(way: Way, days: HomeDays, held: int) -> str:
    """Back where 5 % of the homes that tried it failed, on after three days."""
    tried = ((days.version == NEW) | (days.failed == NEW)).any(axis=1)
    failed = (days.failed == NEW).any(axis=1)
    if tried.any() and failed.sum() >= 0.05 * tried.sum() and failed.sum() > 1:
        return "back"
    return "widen" if held >= 3 else "hold"


def by_t_test(way: Way, days: HomeDays, held: int) -> str:
    """The same homes as the package's way, judged by a t-test at 5 % at every look."""
    differences = Pairing(days, NEW, OLD, way.partners).losses(7)
    differences = differences[np.isfinite(differences)]
    if len(differences) > 4:
        test = ttest_1samp(differences, RULES.harm / 2, alternative="greater")
        if test.pvalue < 0.05:
            return "back"
    return by_crashes(way, days, held)


@dataclass(frozen=True)
class Course:
    """What became of one version: the day on which it went back, for harm or since it ``lapsed``,
    or was everywhere; homes that ever ran it, and their days."""

    version: Version
    back: int | None
    lapsed: bool
    everywhere: int | None
    homes: int
    home_days: int


def course(way: Way, liars: float, version: Version, seed: int) -> Course:
    """Publish a version and follow it; what nobody judges stays."""
    fleet = Fleet(np.random.default_rng(seed), liars)
    never = np.full(HOMES, 10**6)
    starts, ends = never.copy(), never.copy()
    ring, opened = 0, 0
    back = everywhere = None
    lapsed = False
    for today in range(AFTER):
        share = way.rings[ring]
        due = (fleet.lot < share * HOMES) & (starts == never) & (back is None)
        starts[due] = today + fleet.delay[due]
        if share == 1.0 and everywhere is None:
            everywhere = today
        if way.judge is None or back is not None:
            continue
        verdict = way.judge(way, fleet.days(version, starts, ends, today), today - opened)
        lapsed = share < 1 and verdict == "hold" and way.lapses(today - opened)
        if verdict == "back" or lapsed:
            back = today
            ends = np.where(starts <= today, np.maximum(starts, today + fleet.delay), starts)
        elif verdict == "widen" and ring < len(way.rings) - 1:
            ring, opened = ring + 1, today + 1
    ran = np.clip(np.minimum(ends, AFTER) - starts, 0, None)
    everywhere = None if back is not None else everywhere
    return Course(version, back, lapsed, everywhere, int((ran > 0).sum()), int(ran.sum()))


def year(seed: int) -> list[Version]:
    """Forty versions, ten of them bad; the others are between 10 % better and 4 % worse."""
    rng = np.random.default_rng(seed)
    good = [Version(f"good {n}", float(rng.uniform(-0.1, 0.04))) for n in range(30)]
    return [*BAD, *good]


def ways(rings: tuple[float, ...], partners: int, patience: float) -> list[Way]:
    """What is compared."""
    return [
        Way("to all at once", None),
        Way("waves that count crashes", by_crashes, rings),
        Way("waves, a t-test at every look", by_t_test, rings, partners),
        Way("rings that weigh evidence", by_evidence, rings, partners, patience),
    ]


def _courses(way: Way, liars: float, seeds: list[int]) -> list[Course]:
    tasks = [(version, 1000 * seed + n) for seed in seeds for n, version in enumerate(year(seed))]
    with ProcessPoolExecutor() as pool:
        return list(pool.map(partial(course, way, liars), *zip(*tasks, strict=True)))


def _table(compared: list[Way], seeds: list[int], shares_of_liars: list[float]) -> None:
    print(
        "| way | gateways that lie | bad: taken back | homes hurt, mean | home-days hurt, a year "
        "| days until back | good: taken back | good: days until everywhere |\n" + "|---" * 8 + "|"
    )
    last: list[Course] = []
    for way in compared:
        for liars in shares_of_liars:
            last = _courses(way, liars, seeds)
            print(_row(way, liars, last, len(seeds)), flush=True)
    _by_version(last)


def _row(way: Way, liars: float, courses: list[Course], years: int) -> str:
    bad = [c for c in courses if c.version.is_bad]
    good = [c for c in courses if not c.version.is_bad]
    days = [c.back for c in bad if c.back is not None]
    spread = [c.everywhere for c in good if c.everywhere is not None]
    cells = [
        way.name,
        f"{liars:.1%}",
        _taken(bad),
        f"{np.mean([c.homes for c in bad]):,.0f}",
        f"{np.sum([c.home_days for c in bad]) / years:,.0f}",
        f"{np.median(days):.0f}" if days else "–",
        _taken(good),
        f"{np.median(spread):.0f} ({len(spread)} of {len(good)})" if spread else "–",
    ]
    return f"| {' | '.join(cells)} |"


def _taken(courses: list[Course]) -> str:
    """How many went back for harm, and how many lapsed."""
    lapsed = sum(c.lapsed for c in courses)
    back = sum(c.back is not None for c in courses) - lapsed
    return f"{back} of {len(courses)}" + (f", {lapsed} lapsed" if lapsed else "")


def _by_version(courses: list[Course]) -> None:
    print("\n| bad version | taken back | after days | homes hurt |\n|---|---|---|---|")
    for version in BAD:
        its = [c for c in courses if c.version == version]
        days = sorted(c.back for c in its if c.back is not None)
        homes = np.mean([c.homes for c in its])
        shown = f"{days[0]}–{days[-1]}, median {np.median(days):.0f}" if days else "–"
        print(f"| {version.name} | {_taken(its)} | {shown} | {homes:,.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rings", default="5,25,100", help="shares of gateways, in percent")
    parser.add_argument("--partners", type=int, default=PARTNERS)
    parser.add_argument("--patience", type=float, default=14.0, help="days that a ring lasts")
    parser.add_argument("--liars", type=float, nargs="*", default=[0.0])
    parser.add_argument("--ways", type=int, nargs="*", default=[0, 1, 2, 3])
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--repeats", type=int, default=1000)
    asked = parser.parse_args()
    if asked.coverage:
        coverage(asked.repeats)
        return
    rings = tuple(float(share) / 100 for share in asked.rings.split(","))
    compared = ways(rings, asked.partners, asked.patience)
    seeds = list(range(asked.seed, asked.seed + asked.years))
    _table([compared[number] for number in asked.ways], seeds, asked.liars)


if __name__ == "__main__":
    main()
