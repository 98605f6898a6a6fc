"""The paired bootstrap over sites, or over weeks within each site.

Cluster bootstrap: Efron 1979; Field and Welsh 2007. Two systems with the same blocks and
the same seed get the same draws, which is what makes their comparison paired.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from smartwatts_ml.kinds.base import Scores

__all__ = ["Over", "resample", "site_sums", "slices_of"]

Over = Literal["sites", "weeks"]


def site_sums(scores: Scores, weights: np.ndarray | None = None) -> np.ndarray:
    """Statistics by site, shape (n_sites, n_channels, n_stats); ``weights`` counts how
    often each block is taken, shape (n_blocks,)."""
    sites, site_of = np.unique(scores.sites, return_inverse=True)
    sums = scores.sums if weights is None else scores.sums * weights[:, None, None]
    total = np.zeros((len(sites), *scores.sums.shape[1:]))
    np.add.at(total, site_of, sums)
    return total


def resample(scores: Scores, over: Over, count: int, seed: int) -> Iterator[np.ndarray]:
    """``count`` bootstrap samples, each of the shape that ``site_sums`` gives.

    A site that is drawn twice is there twice; a week that is drawn twice counts double
    in its site.
    """
    rng = np.random.default_rng(seed)
    if over == "sites":
        total = site_sums(scores)
        for _ in range(count):
            yield total[rng.integers(0, len(total), len(total))]
        return
    _, site_of = np.unique(scores.sites, return_inverse=True)
    rows_of = [np.flatnonzero(site_of == site) for site in range(site_of.max() + 1)]
    for _ in range(count):
        weights = np.zeros(len(site_of))
        for rows in rows_of:
            np.add.at(weights, rows[rng.integers(0, len(rows), len(rows))], 1.0)
        yield site_sums(scores, weights)


def slices_of(scores: Scores) -> dict[str, Scores]:
    """The scores of each site and, where there are several, of each channel."""

    def part(rows: np.ndarray, columns: slice) -> Scores:
        return Scores(
            scores.channels[columns],
            scores.stats,
            scores.sites[rows],
            scores.weeks[rows],
            scores.sums[rows][:, columns],
        )

    every = np.ones(len(scores.sites), bool)
    found = {f"site {s}": part(scores.sites == s, slice(None)) for s in np.unique(scores.sites)}
    if len(scores.channels) > 1:
        for i, channel in enumerate(scores.channels):
            found[f"channel {channel}"] = part(every, slice(i, i + 1))
    return found
