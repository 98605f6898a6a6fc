"""Training windows: balanced over appliances, in homes made up from parts of others.

Some windows are as they were recorded. In the others the home is another one: its
appliances are taken out or not, other makes of them are added, loads that nobody meters
come from other homes, the base load moves, and the meter drops and clips. All of it is
addition on both sides, so mains stays the sum of what runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.nilm.corpus import Corpus, SiteArrays
from smartwatts_ml.kinds.nilm.library import Library
from smartwatts_ml.kinds.nilm.settings import NilmSettings

__all__ = ["Sampler"]

_RUNNING_W = 20.0
_MARGIN = 5
_ALWAYS_RUNNING = 0.2
"""An appliance on for more of the time runs in cycles: its power is changed in place."""
_AGAIN = 0.25
_SCALE_AS_IS = 0.03
_OTHER_SCALE = (0.4, 1.3)
_BASE_W = (-30.0, 150.0)
_NOISE_W = 12.0
_DROPPED, _CLIPPED = 0.1, 0.05
_CLIP_W = (3500.0, 7000.0)


class Sampler:
    """Draws batches, by the chances that the settings name; the same seed, the same batches."""

    def __init__(
        self,
        corpus: Corpus,
        sites: Sequence[SiteArrays],
        simulated: Sequence[SiteArrays],
        window: int,
        settings: NilmSettings,
        seed: int,
    ) -> None:
        self._window, self._settings = window, settings
        self._rng = np.random.default_rng(seed)
        groups = [_Group.indexed(sites, window), _Group.indexed(simulated, window)]
        if not groups[0].full:
            raise NotEnoughReadingsError(f"no window of {window} samples is at least half full")
        self._groups = groups
        every = [*sites, *simulated]
        numbers = range(len(corpus.appliances))
        recorded = [
            [np.nan_to_num(s.power[a:b, k]) for s in every for a, b in s.activations[k]]
            for k in numbers
        ]
        self._library = Library(corpus.appliances, recorded)
        shares = [
            [np.nanmean(_share_on(s.power[:, k], corpus.thresholds[k])) for s in sites]
            for k in numbers
        ]
        self._cyclic = [np.mean(share) > _ALWAYS_RUNNING for share in shares]
        self._rests = [part for group in groups for part in group.rests()]

    def batch(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Mains of shape (size, window) and power (size, window, n_appliances), W, NaN
        where missing."""
        windows = [self._draw() for _ in range(size)]
        return np.stack([mains for mains, _ in windows]), np.stack([power for _, power in windows])

    def _draw(self) -> tuple[np.ndarray, np.ndarray]:
        rng, settings = self._rng, self._settings
        group = self._groups[int(self._groups[1].full and rng.random() < settings.simulated_share)]
        mains, power = group.window(rng, settings.balance)
        if rng.random() < settings.as_is:
            scale = np.float32(1 + _SCALE_AS_IS * rng.uniform(-1, 1))
            return mains * scale, power * scale
        self._change_rest(mains)
        for k in range(power.shape[1]):
            if self._library.has(k) and np.isfinite(power[:, k]).any():
                self._change(mains, power[:, k], k)
        self._meter(mains)
        return mains, power

    def _change_rest(self, mains: np.ndarray) -> None:
        """Another base load, and another home's unmetered loads on top of it."""
        rng = self._rng
        if self._rests and rng.random() < self._settings.other:
            rest, starts = self._rests[rng.integers(len(self._rests))]
            start = int(rng.choice(starts))
            part = rest[start : start + self._window]
            mains += np.nan_to_num(
                (part - np.nanmin(part)) * np.float32(rng.uniform(*_OTHER_SCALE))
            )
        mains += np.float32(rng.uniform(*_BASE_W))
        noise = _NOISE_W * rng.uniform(0, 1) ** 2
        mains += (noise * rng.standard_normal(len(mains))).astype(np.float32)

    def _change(self, mains: np.ndarray, own: np.ndarray, k: int) -> None:
        """Take out appliance ``k`` or not, then add activations of one make of it."""
        rng, settings = self._rng, self._settings
        if self._cyclic[k]:
            change = np.float32(np.exp(rng.uniform(-0.5, 0.5)) - 1)
            mains += np.nan_to_num(own) * change
            own *= 1 + change
            return
        if rng.random() < settings.strip:
            mains -= np.nan_to_num(own)
            own[np.isfinite(own)] = 0
        if rng.random() >= settings.mixing:
            return
        make = self._library.make(k, rng)
        for _ in range(1 + (rng.random() < _AGAIN)):
            self._add(mains, own, self._library.draw(k, make, rng))

    def _add(self, mains: np.ndarray, own: np.ndarray, added: np.ndarray) -> None:
        """Add an activation somewhere, unless the appliance runs there already."""
        at = int(self._rng.integers(-len(added) // 2, self._window - len(added) // 2))
        begin, end = max(at, 0), min(at + len(added), self._window)
        around = own[max(begin - _MARGIN, 0) : end + _MARGIN]
        if end <= begin or np.isnan(around).any() or around.max() > _RUNNING_W:
            return
        part = added[begin - at : end - at]
        mains[begin:end] += part
        own[begin:end] += part

    def _meter(self, mains: np.ndarray) -> None:
        """What meters and feeds do: samples are missing, power is clipped."""
        rng = self._rng
        if rng.random() < _DROPPED:
            first = int(rng.integers(self._window))
            mains[first : first + int(rng.integers(1, self._window // 4))] = np.nan
        if rng.random() < _CLIPPED:
            np.minimum(mains, np.float32(rng.uniform(*_CLIP_W)), out=mains)


@dataclass(frozen=True)
class _Group:
    """Sites with the starts of their usable windows, and events by appliance."""

    sites: tuple[SiteArrays, ...]
    starts: tuple[np.ndarray, ...]
    events: tuple[tuple[tuple[int, int, int], ...], ...]
    window_size: int

    @classmethod
    def indexed(cls, sites: Sequence[SiteArrays], window: int) -> _Group:
        count = len(sites[0].activations) if sites else 0
        return cls(
            tuple(sites),
            tuple(np.flatnonzero(_usable_starts(site, window)) for site in sites),
            tuple(
                tuple((s, a, b) for s, site in enumerate(sites) for a, b in site.activations[k])
                for k in range(count)
            ),
            window,
        )

    @property
    def full(self) -> bool:
        """Whether there is a window to draw."""
        return any(len(starts) for starts in self.starts)

    def window(self, rng: np.random.Generator, balance: float) -> tuple[np.ndarray, np.ndarray]:
        """Copies of mains and power of a usable window, often around an activation."""
        site, start = self._place(rng, balance)
        part = slice(start, start + self.window_size)
        return self.sites[site].mains[part].copy(), self.sites[site].power[part].copy()

    def _place(self, rng: np.random.Generator, balance: float) -> tuple[int, int]:
        if rng.random() < balance:
            events = self.events[rng.integers(len(self.events))]
            if events:
                site, first, last = events[rng.integers(len(events))]
                start = int(rng.integers(first, last)) - int(rng.integers(0, self.window_size))
                nearest = np.searchsorted(self.starts[site], start)
                if nearest < len(self.starts[site]) and self.starts[site][nearest] <= last:
                    return site, int(self.starts[site][nearest])
        counts = np.array([len(starts) for starts in self.starts], float)
        site = int(rng.choice(len(counts), p=counts / counts.sum()))
        return site, int(rng.choice(self.starts[site]))

    def rests(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """What no sub-meter sees, with usable starts, of sites that meter all they can:
        elsewhere it may hold what a label would deny."""
        metered = [np.isfinite(site.power).any(axis=0) for site in self.sites]
        most = max((known.sum() for known in metered), default=0)
        return [
            (site.mains - np.nan_to_num(site.power).sum(axis=1), starts)
            for site, starts, known in zip(self.sites, self.starts, metered, strict=True)
            if known.sum() == most and len(starts)
        ]


def _share_on(power: np.ndarray, threshold: float) -> np.ndarray:
    """1 where on, 0 where off, NaN where unknown; one 0 if nothing is known."""
    known = power[np.isfinite(power)]
    return (known >= threshold).astype(float) if len(known) else np.zeros(1)


def _usable_starts(site: SiteArrays, window: int) -> np.ndarray:
    """Whether a window that starts at each sample is at least half known, bool."""
    known = np.isfinite(site.mains) & np.isfinite(site.power).any(axis=1)
    total = np.concatenate([[0], np.cumsum(known)])
    return np.asarray(total[window:] - total[:-window] >= window // 2)
