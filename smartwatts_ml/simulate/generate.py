"""Homes to files: who lives there, what their meters read, what the feed makes of it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from smartwatts_ml.errors import UsageError
from smartwatts_ml.progress import Progress
from smartwatts_ml.simulate.appliances import METERED
from smartwatts_ml.simulate.background import background, extras, solar
from smartwatts_ml.simulate.faults import Damage, damage, flatten
from smartwatts_ml.simulate.files import HomeFiles, write_months, write_rows
from smartwatts_ml.simulate.large import large_loads
from smartwatts_ml.simulate.life import Life, live
from smartwatts_ml.simulate.segments import join, mean_power
from smartwatts_ml.simulate.world import make_world, stream

__all__ = ["HomeReport", "SimulationReport", "meter", "simulate"]

_DEFAULT_START = date(2026, 1, 1)
_SMART_METER_S = 900
_LARGE_FROM_S = 300
_MAINS = "mains"


@dataclass(frozen=True)
class HomeReport:
    """What was put into one home's files.

    ``rows`` are good rows, duplicates and late ones among them; ``missing`` readings that
    never arrive, ``malformed`` lines beside the good rows; ``mean_w`` of true mains.
    """

    site: str
    period_s: int
    channels: tuple[str, ...]
    extras: tuple[str, ...]
    mean_w: float
    rows: int
    missing: int
    outages: int
    duplicates: int
    malformed: int
    late_file: str | None
    files: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class SimulationReport:
    """What a simulation wrote; ``end`` is exclusive."""

    out: str
    seed: int
    start: str
    end: str
    clean: bool
    homes: tuple[HomeReport, ...]

    @property
    def rows(self) -> int:
        """Good rows in all files."""
        return sum(home.rows for home in self.homes)

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(home.bytes for home in self.homes)

    @property
    def files(self) -> int:
        """Number of files."""
        return sum(len(home.files) for home in self.homes)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self) | {"rows": self.rows, "bytes": self.bytes, "files": self.files}


def simulate(
    homes: int,
    days: int,
    out: Path,
    seed: int = 0,
    *,
    submetered: int | None = None,
    period_s: int = 60,
    start: date = _DEFAULT_START,
    solar_share: float = 0.0,
    clean: bool = False,
    progress: Progress | None = None,
) -> SimulationReport:
    """Write ``homes`` simulated homes over ``days`` below ``out``, a folder a home.

    The first ``submetered`` homes (default: a third, at least one) have mains and five
    appliances every ``period_s``; the others mains every 15 minutes. From five minutes on, homes
    have more large loads, and those that are sub-metered have sub-meters on these too. The last
    ``solar_share`` of homes have panels. ``clean`` leaves out every fault of the feed.
    """
    _check(homes, days, seed, submetered, period_s, solar_share)
    metered = max(1, homes // 3) if submetered is None else submetered
    panels = math.ceil(solar_share * homes)
    world = make_world(seed, np.datetime64(start, "D"), days)
    width = max(2, len(str(homes)))
    reports = []
    for number in range(homes):
        site = f"home{number + 1:0{width}d}"
        if progress:
            progress(f"{site}, {number + 1} of {homes}", number / homes)
        period = period_s if number < metered else max(_SMART_METER_S, period_s)
        large = period_s >= _LARGE_FROM_S
        house = _House(live(site, world), period, number < metered, number >= homes - panels, large)
        reports.append(_write_home(house, out, clean, late=number % 3 == 0))
    if progress:
        progress(f"{homes} homes", 1.0)
    end = np.datetime64(start, "D") + days
    return SimulationReport(str(out), seed, str(start), str(end), clean, tuple(reports))


def _check(
    homes: int, days: int, seed: int, submetered: int | None, period_s: int, solar_share: float
) -> None:
    if homes < 1 or days < 1 or seed < 0:
        raise UsageError("homes and days start at 1, seeds at 0")
    if submetered is not None and not 0 <= submetered <= homes:
        raise UsageError(f"{submetered} sub-metered homes of {homes}")
    if not 1 <= period_s <= 3600 or 3600 % period_s:
        raise UsageError(f"a period of {period_s} s", fix="take one that divides an hour")
    if not 0 <= solar_share <= 1:
        raise UsageError(f"a solar share of {solar_share}", fix="take one from 0 to 1")


@dataclass(frozen=True)
class _House:
    """A household, its meters, whether panels are on its roof, and whether it is one of those
    with more large loads."""

    life: Life
    period_s: int
    submetered: bool
    has_solar: bool
    large: bool


def meter(
    life: Life,
    period_s: int,
    *,
    submetered: bool = True,
    has_solar: bool = False,
    large: bool = False,
) -> dict[str, np.ndarray]:
    """What a home's meters read by channel: mean W of each interval, shape (n,).

    Mains is the sum of everything in the home; each meter adds a noise of its own, a
    sub-meter also a constant error of gain below one percent. ``large``: the home is one of those
    with more large loads, which sub-meters see too.
    """
    world = life.world
    intervals = world.seconds // period_s
    makes = METERED | (large_loads(life) if large else {})
    parts = {name: make(life) for name, make in makes.items()}
    true = {name: np.maximum(mean_power(p, intervals, period_s), 0) for name, p in parts.items()}
    rest = [background(life, large=large)] + ([solar(life)] if has_solar else [])
    mains = np.sum(list(true.values()), axis=0) + mean_power(join(rest), intervals, period_s)
    rng = life.chance(f"meters {period_s}")
    read = {_MAINS: mains + (0.003 * np.abs(mains) + 1.0) * rng.standard_normal(intervals)}
    if submetered:
        gains = 1 + 0.003 * life.traits("meters").uniform(-1, 1, len(true))
        for gain, (name, watts) in zip(gains, true.items(), strict=True):
            read[name] = watts * gain * (1 + 0.002 * rng.standard_normal(intervals))
    return {name: np.round(watts, 1) + 0.0 for name, watts in read.items()}


def _write_home(house: _House, out: Path, clean: bool, late: bool) -> HomeReport:
    """Read the meters, break the feed, write the files, say what was done."""
    life, world = house.life, house.life.world
    read = meter(
        life,
        house.period_s,
        submetered=house.submetered,
        has_solar=house.has_solar,
        large=house.large,
    )
    devices = [f"{life.site}/{name}" for name in read]
    files = HomeFiles(out / life.site, devices, world.start, house.period_s)
    rows = flatten(np.array(list(read.values())))
    if clean:
        damaged = Damage(rows, rows.take(np.empty(0, np.int64)), 0, 0, 0)
    else:
        rng = stream(world.seed, life.site, "faults", world.start)
        late = late and world.days >= 5
        damaged = damage(rows, rng, house.period_s, devices[0], world.start, late)
    paths = list(write_months(files, damaged.rows))
    late_file = None
    if len(damaged.late.at):
        name = paths[-1].name.removesuffix(".csv.gz")
        paths.append(write_rows(files, damaged.late, f"{name}-late"))
        late_file = paths[-1].relative_to(out).as_posix()
    return HomeReport(
        site=life.site,
        period_s=house.period_s,
        channels=tuple(read),
        extras=extras(life, large=house.large) + (("solar",) if house.has_solar else ()),
        mean_w=round(float(read[_MAINS].mean()), 1),
        rows=len(damaged.rows.at) + len(damaged.late.at),
        missing=damaged.missing,
        outages=damaged.outages,
        duplicates=damaged.duplicates,
        malformed=len(damaged.rows.broken),
        late_file=late_file,
        files=tuple(path.relative_to(out).as_posix() for path in paths),
        bytes=sum(path.stat().st_size for path in paths),
    )
