"""Training windows: balanced over appliances, with activations of any home mixed in."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.nilm.corpus import Corpus, SiteArrays

__all__ = ["Sampler"]

SCALE_ACTIVATION = 0.1
SCALE_WINDOW = 0.05
RUNNING_W = 20.0
MARGIN = 5


class Sampler:
    """Draws batches from the training part of a corpus; the same seed, the same batches.

    Augmentation keeps physics: an activation is added to mains and to its appliance alike,
    a window is scaled as a whole, and an appliance never runs twice at once.
    """

    def __init__(
        self, corpus: Corpus, window: int, *, mixing: float, balance: float, seed: int
    ) -> None:
        self._sites = corpus.training
        self._window, self._mixing, self._balance = window, mixing, balance
        self._rng = np.random.default_rng(seed)
        self._usable = [_usable_starts(site, window) for site in self._sites]
        counts = np.array([usable.sum() for usable in self._usable], float)
        if not counts.sum():
            raise NotEnoughReadingsError(f"no window of {window} samples is at least half full")
        self._site_share = counts / counts.sum()
        self._starts = [np.flatnonzero(usable) for usable in self._usable]
        self._library = [
            [(s, a, b) for s, site in enumerate(self._sites) for a, b in site.activations[k]]
            for k in range(len(corpus.appliances))
        ]

    def batch(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Mains of shape (size, window) and power (size, window, n_appliances), W, NaN
        where missing."""
        windows = [self._draw() for _ in range(size)]
        mains = np.stack([mains for mains, _ in windows])
        power = np.stack([power for _, power in windows])
        scale = 1 + SCALE_WINDOW * self._rng.uniform(-1, 1, (size, 1)).astype(np.float32)
        return mains * scale, power * scale[..., None]

    def _draw(self) -> tuple[np.ndarray, np.ndarray]:
        site, start = self._place()
        arrays = self._sites[site]
        mains = arrays.mains[start : start + self._window].copy()
        power = arrays.power[start : start + self._window].copy()
        for k in range(power.shape[1]):
            if self._library[k] and self._rng.random() < self._mixing:
                self._mix(mains, power, k)
        return mains, power

    def _place(self) -> tuple[int, int]:
        """A site and the start of a usable window, often one that holds an activation."""
        rng, window = self._rng, self._window
        if rng.random() < self._balance:
            library = self._library[rng.integers(len(self._library))]
            if library:
                site, first, last = library[rng.integers(len(library))]
                start = int(rng.integers(first, last)) - int(rng.integers(0, window))
                start = min(max(start, 0), len(self._usable[site]) - 1)
                if self._usable[site][start]:
                    return site, start
        site = int(rng.choice(len(self._sites), p=self._site_share))
        return site, int(rng.choice(self._starts[site]))

    def _mix(self, mains: np.ndarray, power: np.ndarray, k: int) -> None:
        """Add a scaled activation of appliance ``k`` where the appliance is off."""
        rng, window = self._rng, self._window
        site, first, last = self._library[k][rng.integers(len(self._library[k]))]
        added = np.nan_to_num(self._sites[site].power[first:last, k])
        added = added * np.float32(1 + SCALE_ACTIVATION * rng.uniform(-1, 1))
        at = int(rng.integers(-len(added) // 2, window - len(added) // 2))
        begin, end = max(at, 0), min(at + len(added), window)
        if end <= begin:
            return
        around = power[max(begin - MARGIN, 0) : end + MARGIN, k]
        if np.isnan(around).any() or around.max() > RUNNING_W:
            return
        added = added[begin - at : end - at]
        mains[begin:end] += added
        power[begin:end, k] += added


def _usable_starts(site: SiteArrays, window: int) -> np.ndarray:
    """Whether a window that starts at each sample is at least half known, bool."""
    known = np.isfinite(site.mains) & np.isfinite(site.power).any(axis=1)
    total = np.concatenate([[0], np.cumsum(known)])
    return np.asarray(total[window:] - total[:-window] >= window // 2)
