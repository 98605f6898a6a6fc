"""Training windows: a context before an origin, and the hours after it.

All sites lie end to end in one array with missing hours between them, so that any set
of windows is one gather, a short history is a context that begins with NaN, and a
horizon that runs past the last reading is a target that ends with NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.forecasting.details import NO_EXOGENOUS, Exogenous
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_HOURS
from smartwatts_ml.kinds.forecasting.metrics import naive_error
from smartwatts_ml.kinds.forecasting.series import CHANNELS, HOUR_S, Series, to_series
from smartwatts_ml.kinds.sampling import sampled
from smartwatts_ml.readings.base import MAINS, Readings

__all__ = [
    "MIN_CONTEXT_HOURS",
    "Windows",
    "all_windows",
    "collect",
    "known_sites",
    "make_windows",
    "split_windows",
]

MIN_CONTEXT_HOURS = 72
"""Readings that a context needs before it teaches or judges anything."""
_MIN_TARGET_HOURS = 24
_FEW_SITES = 4
"""Fewer are cut by time: a fold of one site would say little of the others."""
_STEADIEST = 0.05
"""Last week's value is taken to be wrong by at least this share of the mean."""


@dataclass(frozen=True)
class Windows:
    """Windows over all sites.

    ``power`` (n,), W, and ``hours`` (n,): sites end to end. ``origins`` (w,): index of the
    first hour of each horizon, site after site; ``sites`` (w,): number of the site.
    ``weights`` (w,), 1/W: what a watt of error weighs at that site. ``exogenous``: further
    inputs, by name and hour, that reach ``ahead`` hours past an origin.
    """

    power: np.ndarray
    hours: np.ndarray
    origins: np.ndarray
    sites: np.ndarray
    weights: np.ndarray
    horizon: int
    exogenous: dict[str, np.ndarray]
    ahead: int

    def __len__(self) -> int:
        return len(self.origins)

    def inputs(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Network inputs of some windows: (r, 672, 1), W, and (r, 1)."""
        at = self.origins[rows][:, None] + np.arange(-CONTEXT_HOURS, 0)
        ahead = self.origins[rows][:, None] + np.arange(-CONTEXT_HOURS, self.ahead)
        return {
            "history_w": self.power[at][:, :, None],
            "hour_of_week": self.hours[self.origins[rows]][:, None].astype(np.float32),
            **{name: values[ahead][:, :, None] for name, values in self.exogenous.items()},
        }

    def targets(self, rows: np.ndarray) -> np.ndarray:
        """Power after each origin, W, NaN where missing, shape (r, horizon)."""
        return self.power[self.origins[rows][:, None] + np.arange(self.horizon)]

    def draw(self, count: int, rng: np.random.Generator, midnight_share: float = 0.0) -> np.ndarray:
        """``count`` windows at random, each site as often as any other, shape (count,);
        ``midnight_share`` of them begin at local midnight, where forecasts are issued most."""
        rows = self._all.draw(count, rng)
        some = rng.random(count) < midnight_share
        if len(self._midnights.rows) and some.any():
            rows[some] = self._midnights.draw(int(some.sum()), rng)
        return rows

    @cached_property
    def _all(self) -> _BySite:
        return _BySite.grouped(np.arange(len(self)), self.sites)

    @cached_property
    def _midnights(self) -> _BySite:
        rows = np.flatnonzero(self.hours[self.origins] % 24 == 0)
        return _BySite.grouped(rows, self.sites[rows])


@dataclass(frozen=True)
class _BySite:
    """Rows, site after site: ``first`` and ``size`` (n_sites,) of each site's share."""

    rows: np.ndarray
    first: np.ndarray
    size: np.ndarray

    @classmethod
    def grouped(cls, rows: np.ndarray, sites: np.ndarray) -> _BySite:
        _, first, size = np.unique(sites, return_index=True, return_counts=True)
        return cls(rows, first, size)

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Some of the rows, each site as often as any other, shape (count,)."""
        site = rng.integers(0, len(self.first), count)
        at = self.first[site] + (rng.random(count) * self.size[site]).astype(np.int64)
        return np.asarray(self.rows[at])


def collect(readings: Readings, max_sites: int, seed: int) -> list[Series]:
    """Hourly mains of all sites, or of ``max_sites`` picked at random, so that memory
    does not grow with the fleet."""
    names = sampled(_names(readings), max_sites, seed)
    loaded = (readings.load(name, HOUR_S, CHANNELS, local=True) for name in names)
    series = [to_series(site) for site in loaded if MAINS in site.channels]
    return [site for site in series if np.isfinite(site.power).any()]


def known_sites(readings: Readings) -> int:
    """How many sites have mains."""
    return len(_names(readings))


def _names(readings: Readings) -> list[str]:
    return [span.site for span in readings.spans() if MAINS in span.channels]


def all_windows(
    series: Sequence[Series], horizon: int, exogenous: Exogenous = NO_EXOGENOUS
) -> Windows:
    """Windows to learn from where nothing is held back."""
    ends = [len(site) for site in series]
    windows = make_windows(series, horizon, [0] * len(ends), ends, _MIN_TARGET_HOURS, exogenous)
    if not len(windows):
        raise _too_short(series)
    return windows


def split_windows(
    series: Sequence[Series], horizon: int, share: float, exogenous: Exogenous = NO_EXOGENOUS
) -> tuple[Windows, Windows, Windows]:
    """Windows to learn from, later ones for early stopping to watch, and others as late to
    calibrate on. Each site's newest ``share``, and up to twice that where a horizon is
    longer, is not learned from; no target crosses the cut."""
    ends = [len(site) for site in series]
    cuts = [n - int(min(max(share * n, horizon), 2 * share * n)) for n in ends]
    training = make_windows(series, horizon, [0] * len(cuts), cuts, _MIN_TARGET_HOURS, exogenous)
    watching, calibrating = _folds(series, horizon, cuts, ends, exogenous)
    if not (len(training) and len(watching) and len(calibrating)):
        raise _too_short(series)
    return training, watching, calibrating


def _too_short(series: Sequence[Series]) -> NotEnoughReadingsError:
    longest = max((int(np.isfinite(site.power).sum()) for site in series), default=0)
    return NotEnoughReadingsError(
        f"forecasting needs a site with about 8 days of hourly readings; the longest of "
        f"{len(series)} sites has {longest} hours"
    )


def _folds(
    series: Sequence[Series],
    horizon: int,
    cuts: Sequence[int],
    ends: Sequence[int],
    exogenous: Exogenous,
) -> tuple[Windows, Windows]:
    """What lies behind the cuts, in two folds that share no target: every second site each,
    or the earlier and the later half of all where sites are few."""
    halves = [(cut + end) // 2 for cut, end in zip(cuts, ends, strict=True)]
    every = slice(None)
    by_time = ((every, cuts, halves), (every, halves, ends))
    by_site = ((slice(0, None, 2), cuts, ends), (slice(1, None, 2), cuts, ends))
    ways = (by_site, by_time) if len(series) >= _FEW_SITES else (by_time,)
    for target_hours in (horizon / 2, _MIN_TARGET_HOURS, 1):
        for way in ways:
            first_fold, second_fold = (
                make_windows(
                    series[sites], horizon, first[sites], last[sites], target_hours, exogenous
                )
                for sites, first, last in way
            )
            if len(first_fold) and len(second_fold):
                return first_fold, second_fold
    return first_fold, second_fold


def make_windows(
    series: Sequence[Series],
    horizon: int,
    first: Sequence[int],
    last: Sequence[int],
    target_hours: float,
    exogenous: Exogenous = NO_EXOGENOUS,
) -> Windows:
    """Every window with its origin in [first, last) of its site and its target before
    last; at least ``target_hours`` of the target are known (all, if it is shorter)."""
    if not series:
        raise NotEnoughReadingsError("no site has hourly mains readings to forecast from")
    around = (CONTEXT_HOURS, max(horizon, exogenous.ahead))
    power, hours, origins = [], [], []
    inputs: dict[str, list[np.ndarray]] = {name: [] for name in exogenous.names}
    offset = CONTEXT_HOURS
    for site, begin, end in zip(series, first, last, strict=True):
        padded = np.pad(site.power[:end], around, constant_values=np.nan)
        at = np.arange(begin, end)
        total = np.cumsum(np.isfinite(np.r_[np.nan, padded[CONTEXT_HOURS:]]))
        enough = total[at + horizon] - total[at] >= min(target_hours, horizon)
        power.append(padded)
        hours.append(np.pad(site.hours[:end], around))
        for name, row in site.exogenous_rows(exogenous).items():
            inputs[name].append(row[: len(padded)])
        origins.append(offset + at[enough & (site.known_before(at) >= MIN_CONTEXT_HOURS)])
        offset += len(padded)
    counts = [len(at) for at in origins]
    weights = [_weight(site.power[:end]) for site, end in zip(series, last, strict=True)]
    return Windows(
        power=np.concatenate(power),
        hours=np.concatenate(hours).astype(np.int16),
        origins=np.concatenate(origins).astype(np.int64),
        sites=np.repeat(np.arange(len(series)), counts),
        weights=np.repeat(np.array(weights, np.float32), counts),
        horizon=horizon,
        exogenous={name: np.concatenate(parts) for name, parts in inputs.items()},
        ahead=exogenous.ahead,
    )


def _weight(power: np.ndarray) -> float:
    """What a watt of error at a site weighs, 1/W: the inverse of how wrong last week's
    value is there, so that a steady building teaches as much as an erratic home."""
    known = np.abs(power[np.isfinite(power)])
    if not len(known):
        return 0.0
    mean = float(known.mean())
    naive = naive_error(power)
    return 1.0 / (max(naive if np.isfinite(naive) else mean, _STEADIEST * mean) + 1.0)
