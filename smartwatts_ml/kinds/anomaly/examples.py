"""Training examples: features of normal hours, of hours inside injected anomalies, and of
hours in which life changes without anything being wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from smartwatts_ml.kinds.anomaly.benign_changes import CHANGES, change_benignly
from smartwatts_ml.kinds.anomaly.injection import Event, Injected, inject
from smartwatts_ml.kinds.anomaly.windows import inputs_at

__all__ = ["Drawn", "Examples", "Featurise", "SiteHours", "draw"]

Featurise = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From ``history_w`` and ``hour_of_week`` to features, shape (windows, n_features)."""

_Rng = np.random.Generator

_LEAST_CONTEXT = 72  # hours before the first example of a site
_PER_EVENT = 12  # hours of one event that are taken
_DAYS_PER_EVENT = (5.0, 16.0)  # a copy of a series holds one event in that many days
_ECHO = 12  # hours right after an event: still calling them odd is a small mistake
_AFTERMATH = 168  # hours after an event: normal again, yet the window still holds it
_LEAST_HOURS = 168  # normal hours of a part
_WEEK_HOURS = 168
_BENIGN = 0.4  # examples of benign changes, as a share of the injected ones
_PER_CHANGE = 40  # hours of one change that are taken
_SPOILED = 0.25  # share of examples that readings are taken away from
_ONSET = {"creep": 72, "shift": 12, "high": 6, "stuck": 3}
"""Hours until an event of that type can be told from normal: its first hours weigh less."""


@dataclass(frozen=True)
class SiteHours:
    """Hours of one site that examples may be drawn from. ``values``: W, shape (n,);
    ``hours``: of the week; ``usable``: bool, hours that count as normal."""

    values: np.ndarray
    hours: np.ndarray
    usable: np.ndarray


@dataclass(frozen=True)
class Examples:
    """``features``: float32, shape (n, n_features). ``codes``: 0 normal, else 1 + index of
    the type. ``weights``: float32, shape (n,)."""

    features: np.ndarray
    codes: np.ndarray
    weights: np.ndarray

    def rows(self, rows: np.ndarray) -> Examples:
        """Some of them, by their indices or a bool for each."""
        return Examples(self.features[rows], self.codes[rows], self.weights[rows])

    @staticmethod
    def join(parts: list[Examples]) -> Examples:
        """All of them, in that order."""
        return Examples(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.codes for part in parts]),
            np.concatenate([part.weights for part in parts]),
        )


@dataclass(frozen=True)
class Drawn:
    """What one part of a site gives: ``examples``, and ``normal``, features of normal hours
    in their order, with ``hours``: the index of each in the series."""

    examples: Examples
    normal: np.ndarray
    hours: np.ndarray


@dataclass(frozen=True)
class _Copy:
    """A changed series with the codes and weights of its hours, and the ``rows`` to take."""

    values: np.ndarray
    codes: np.ndarray
    weights: np.ndarray
    rows: np.ndarray


def draw(
    site: SiteHours,
    n_normal: int,
    n_injected: int,
    context: int,
    featurise: Featurise,
    rng: _Rng,
) -> Drawn | None:
    """Draw from one part of a site: about ``n_normal`` normal hours, and examples, about
    ``n_injected`` of them from injected copies (inside, soon after and elsewhere) and as
    many from the series as it is. None where the part is too short."""
    at = np.flatnonzero(site.usable)
    at = at[at >= _LEAST_CONTEXT]
    if len(at) < _LEAST_HOURS:
        return None

    def featurised(values: np.ndarray, rows: np.ndarray, spoiled: float = 0.0) -> np.ndarray:
        inputs = inputs_at(values, site.hours, rows, context)
        history = inputs["history_w"]
        if spoiled:
            history = _spoil(history.copy(), spoiled, rng)
        return featurise(history, inputs["hour_of_week"])

    rows = _blocks(at, n_normal, rng)
    normal = featurised(site.values, rows)
    n_spoiled = int(_SPOILED * n_injected)
    clean = normal[_sample(np.arange(len(rows)), n_injected - n_spoiled, rng)]
    spoiled = featurised(site.values, _sample(at, n_spoiled, rng), 1.0)
    examples = [_normal_examples(clean), _normal_examples(spoiled)]
    injected = _injected_copies(site, n_injected, rng)
    for copy in chain(injected, _benign_copies(site, int(_BENIGN * n_injected), rng)):
        features = featurised(copy.values, copy.rows, _SPOILED)
        examples.append(Examples(features, copy.codes[copy.rows], copy.weights[copy.rows]))
    return Drawn(Examples.join(examples), normal, rows)


def _blocks(at: np.ndarray, count: int, rng: _Rng) -> np.ndarray:
    """About ``count`` of the hours, in whole weeks (shorter if that is more than was asked
    for, a day at least): alerts are runs of hours."""
    if len(at) <= count:
        return at
    block = at // min(_WEEK_HOURS, max(count, 24))
    blocks = np.unique(block)
    chosen = rng.choice(blocks, max(1, round(len(blocks) * count / len(at))), replace=False)
    return at[np.isin(block, chosen)]


def _normal_examples(features: np.ndarray) -> Examples:
    return Examples(features, np.zeros(len(features), np.uint8), np.ones(len(features), np.float32))


def _injected_copies(site: SiteHours, wanted: int, rng: _Rng) -> Iterator[_Copy]:
    """Injected copies of the series until ``wanted`` hours are drawn from them."""
    days = site.usable.sum() / 24
    allowed = site.usable.copy()
    allowed[: 2 * _LEAST_CONTEXT] = False
    idle = 0
    while wanted > 0 and idle < 3:
        count = max(1, round(days / rng.uniform(*_DAYS_PER_EVENT)))
        seed = int(rng.integers(2**31))
        injected = inject(site.values, site.hours, allowed, seed, count=count)
        rows, weights = _rows(site, injected, rng)
        idle = idle + 1 if not injected.events else 0
        rows = _sample(rows, wanted, rng)
        wanted -= len(rows)
        if len(rows):
            yield _Copy(injected.values, injected.codes, weights, rows)


def _benign_copies(site: SiteHours, wanted: int, rng: _Rng) -> Iterator[_Copy]:
    """Copies of the series with one benign change each until ``wanted`` hours are drawn."""
    starts = np.flatnonzero(site.usable)
    starts = starts[starts >= 2 * _LEAST_CONTEXT]
    kinds = list(CHANGES)
    codes = np.zeros(len(site.values), np.uint8)
    for turn in range(-(-wanted // _PER_CHANGE) if starts.size else 0):
        start = int(rng.choice(starts))
        changed = change_benignly(kinds[turn % len(kinds)], site.values, site.hours, start, rng)
        rows = np.flatnonzero(site.usable[changed.start : changed.stop]) + changed.start
        yield _Copy(changed.values, codes, changed.weights, _sample(rows, _PER_CHANGE, rng))


def _rows(site: SiteHours, injected: Injected, rng: _Rng) -> tuple[np.ndarray, np.ndarray]:
    """Hours to take from an injected copy, and the weight of every hour."""
    weights = np.ones(len(site.values), np.float32)
    after = np.zeros(len(site.values), bool)
    taken = []
    for event in injected.events:
        stop = event.start + event.hours
        weights[event.start : stop] = _event_weights(event)
        weights[stop : stop + _ECHO] = 0.3
        after[stop : stop + _AFTERMATH] = True
        inside = np.arange(event.start, stop)
        inside = inside[~np.isnan(injected.values[inside])]
        first = inside[:2]
        taken += [first, _sample(inside[2:], _PER_EVENT - len(first), rng)]
    inside = np.concatenate(taken) if taken else np.zeros(0, np.int64)
    normal = site.usable & (injected.codes == 0)
    normal[:_LEAST_CONTEXT] = False
    near = _sample(np.flatnonzero(normal & after), len(inside) // 2, rng)
    far = _sample(np.flatnonzero(normal & ~after), len(inside) - len(near), rng)
    return np.sort(np.concatenate([inside, near, far]).astype(np.int64)), weights


def _event_weights(event: Event) -> np.ndarray:
    """Short events have few hours, so each weighs more; hours before the onset less."""
    onset = _ONSET.get(event.type, 1)
    rise = np.clip((np.arange(event.hours) + 1) / onset, 0.1, 1.0)
    return (rise * (_PER_EVENT / min(event.hours, _PER_EVENT)) ** 0.5).astype(np.float32)


def _spoil(history: np.ndarray, share: float, rng: _Rng) -> np.ndarray:
    """Take readings away from a share of the windows, as young devices and lost links do:
    the older part of half of them, a stretch of the others."""
    context = history.shape[1]
    for row in np.flatnonzero(rng.random(len(history)) < share):
        if rng.random() < 0.5:
            history[row, : context - int(rng.integers(_LEAST_CONTEXT, context))] = np.nan
        else:
            length = int(rng.integers(3, 96))
            start = int(rng.integers(0, context - length - 1))
            history[row, start : start + length] = np.nan
    return history


def _sample(rows: np.ndarray, count: int, rng: _Rng) -> np.ndarray:
    """At most ``count`` of ``rows``, in their order."""
    if len(rows) <= count:
        return rows
    return np.sort(rng.choice(rows, max(count, 0), replace=False))
