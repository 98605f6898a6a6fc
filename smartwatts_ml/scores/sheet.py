"""The sheet that an evaluation fills: what systems scored on the same targets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from smartwatts_ml.localtime import mondays
from smartwatts_ml.scores.scores import Scores

__all__ = ["HOUR_BANDS", "Blocks", "Sheet"]

HOUR_BANDS = ("00–06 h", "06–12 h", "12–18 h", "18–24 h")
"""Local hours that are scored apart; an hour ``h`` is in band ``h // 6``."""


@dataclass(frozen=True)
class Blocks:
    """A site's scored readings by week and band of hours: ``index``, the block of each, int
    of any shape, out of ``count``."""

    index: np.ndarray
    count: int

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums by block, shape (count, …), of values of the shape (*index.shape, …)."""
        total = np.zeros((self.count, *values.shape[self.index.ndim :]))
        np.add.at(total, self.index, values)
        return total

    def rows(self) -> list[np.ndarray]:
        """The readings of each block, as indices into the flat ``index``."""
        order = np.argsort(self.index, axis=None, kind="stable")
        edges = np.searchsorted(self.index.ravel()[order], np.arange(1, self.count))
        return np.split(order, edges)


class Sheet:
    """Statistics of several systems, added site after site and block after block."""

    def __init__(
        self, systems: Iterable[str], channels: tuple[str, ...], stats: tuple[str, ...]
    ) -> None:
        self._channels, self._stats = channels, stats
        self._sites: list[str] = []
        self._weeks: list[np.ndarray] = []
        self._sums: dict[str, list[np.ndarray]] = {system: [] for system in systems}
        self._targets = hashlib.sha256()

    def __len__(self) -> int:
        """Sites and weeks so far."""
        return len(self._sites)

    def add_targets(
        self, site: str, start: np.datetime64, at: np.ndarray, truth: np.ndarray
    ) -> None:
        """What all systems are scored on, kept as a digest. ``at``: indices of the scored
        windows on the site's grid, which begins at ``start``; ``truth``: what they are
        scored against."""
        for part in (f"{site}\0{start}\0{truth.shape}\0".encode(), at.tobytes(), truth.tobytes()):
            self._targets.update(part)

    def add_site(self, site: str, days: np.ndarray, hours: np.ndarray) -> Blocks:
        """The blocks of a site's scored readings, from the ``days`` (datetime64[D]) that
        their weeks are told by, and from their local ``hours``, 0 to 23 or hours of the
        week; shapes that broadcast."""
        weeks, week_of = np.unique(mondays(days), return_inverse=True)
        self._sites += [site] * len(weeks)
        self._weeks.append(weeks)
        bands = hours.astype(int) % 24 // 6
        return Blocks(week_of * len(HOUR_BANDS) + bands, len(weeks) * len(HOUR_BANDS))

    def add(self, system: str, sums: np.ndarray) -> None:
        """Statistics of the site's blocks, shape (count, n_channels, n_stats); of one
        channel (count, n_stats)."""
        shape = (-1, len(HOUR_BANDS), len(self._channels), len(self._stats))
        self._sums[system].append(sums.reshape(shape))

    def scores(self, system: str, **more: Any) -> Scores:
        """All that was added for a system; ``more``: further fields of its ``Scores``."""
        by_band = np.concatenate(self._sums[system])
        return Scores(
            channels=self._channels,
            stats=self._stats,
            sites=np.array(self._sites),
            weeks=np.concatenate(self._weeks),
            sums=by_band.sum(1),
            bands={name: by_band[:, band] for band, name in enumerate(HOUR_BANDS)},
            targets=self._targets.hexdigest(),
            **more,
        )
