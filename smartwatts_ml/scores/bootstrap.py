"""The paired bootstrap over sites, or over the calendar weeks that they share.

Cluster bootstrap: Efron 1979; Field and Welsh 2007. Two systems with the same blocks and
the same seed get the same draws, which is what makes their comparison paired.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from smartwatts_ml.scores.scores import Scores

__all__ = [
    "Headline",
    "Over",
    "Resampled",
    "interval",
    "resampled",
    "site_sums",
    "slices_of",
    "without",
]

Over = Literal["sites", "weeks"]
Headline = Callable[[np.ndarray], dict[str, float]]
"""Metrics from statistics of shape (n_sites, n_channels, n_stats)."""
Resampled = dict[str, np.ndarray]
"""Each metric in every bootstrap sample, shape (n_resamples,)."""
_SEASONS = ("Dec–Feb", "Mar–May", "Jun–Aug", "Sep–Nov")


def site_sums(scores: Scores, weights: np.ndarray | None = None) -> np.ndarray:
    """Statistics by site, shape (n_sites, n_channels, n_stats); ``weights`` counts how
    often each block is taken, shape (n_blocks,)."""
    sites, site_of = np.unique(scores.sites, return_inverse=True)
    sums = scores.sums if weights is None else scores.sums * weights[:, None, None]
    total = np.zeros((len(sites), *scores.sums.shape[1:]))
    np.add.at(total, site_of, sums)
    return total


def resampled(headline: Headline, scores: Scores, over: Over, count: int, seed: int) -> Resampled:
    """Every metric in ``count`` bootstrap samples."""
    drawn = [headline(sums) for sums in _samples(scores, over, count, seed)]
    return {name: np.array([metrics[name] for metrics in drawn]) for name in drawn[0]}


def interval(samples: np.ndarray, tail: float) -> tuple[float, float]:
    """Percentile interval of a metric's bootstrap samples, shape (n_resamples,), that leaves
    out the share ``tail`` of them on either side; infinite if one is not finite.

    >>> interval(np.arange(101.0), 0.025)
    (2.5, 97.5)
    """
    if not np.isfinite(samples).all():
        return -np.inf, np.inf
    low, high = np.quantile(samples, (tail, 1 - tail))
    return float(low), float(high)


def _samples(scores: Scores, over: Over, count: int, seed: int) -> Iterator[np.ndarray]:
    """``count`` bootstrap samples, each of the shape that ``site_sums`` gives.

    A site that is drawn twice is there twice; a calendar week that is drawn twice counts
    double at every site, since sites share it.
    """
    rng = np.random.default_rng(seed)
    if over == "sites":
        total = site_sums(scores)
        for drawn in rng.integers(0, len(total), (count, len(total))):
            yield total[drawn]
        return
    weeks, week_of = np.unique(scores.weeks, return_inverse=True)
    for drawn in rng.integers(0, len(weeks), (count, len(weeks))):
        taken = np.bincount(drawn, minlength=len(weeks)).astype(float)
        yield site_sums(scores, taken[week_of])


def slices_of(scores: Scores, unseen: Collection[str] | None = None) -> dict[str, Scores]:
    """The scores of each site and, where there are several, of each channel, season, band
    of hours, and of sites that training saw or did not (``unseen``) see."""
    sites, site_of = np.unique(scores.sites, return_inverse=True)
    slices = {f"site {s}": _part(scores, np.flatnonzero(site_of == i)) for i, s in enumerate(sites)}
    if len(scores.channels) > 1:
        every = np.arange(len(scores.sites))
        for i, channel in enumerate(scores.channels):
            slices[f"channel {channel}"] = _part(scores, every, slice(i, i + 1))
    season = scores.weeks.astype("datetime64[M]").astype(int) % 12 + 1
    season = season % 12 // 3
    groups = {f"months {name}": season == i for i, name in enumerate(_SEASONS)}
    if unseen is not None:
        held_out = np.isin(scores.sites, list(unseen))
        groups |= {"sites seen": ~held_out, "sites unseen": held_out}
    for name, rows in groups.items():
        if rows.any() and not rows.all():
            slices[name] = _part(scores, np.flatnonzero(rows))
    for name, sums in scores.bands.items():
        slices[f"hours {name}"] = replace(scores, sums=sums, bands={}, extra={})
    return slices


def without(scores: Scores, names: Collection[str]) -> Scores:
    """The scores less the sites and channels among the slices named; other slices stay."""
    sites = [name.removeprefix("site ") for name in names if name.startswith("site ")]
    rows = ~np.isin(scores.sites, sites)
    columns = [i for i, c in enumerate(scores.channels) if f"channel {c}" not in names]
    return replace(
        scores,
        channels=tuple(scores.channels[i] for i in columns),
        sites=scores.sites[rows],
        weeks=scores.weeks[rows],
        sums=scores.sums[rows][:, columns],
        bands={name: sums[rows][:, columns] for name, sums in scores.bands.items()},
    )


def _part(scores: Scores, rows: np.ndarray, columns: slice = slice(None)) -> Scores:
    return Scores(
        scores.channels[columns],
        scores.stats,
        scores.sites[rows],
        scores.weeks[rows],
        scores.sums[rows][:, columns],
    )
