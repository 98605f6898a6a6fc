"""Training examples: features of normal hours, of hours inside injected anomalies, and of
hours in which life changes without anything being wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.anomaly.benign_changes import CHANGES, change_benignly
from smartwatts_ml.kinds.anomaly.injection import Event, Injected, inject
from smartwatts_ml.kinds.anomaly.windows import inputs_at

__all__ = ["Drawn", "Examples", "Featurise", "Part", "draw"]

Featurise = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From ``history_w`` and ``hour_of_week`` to features, shape (windows, n_features)."""

LEAST_CONTEXT = 24  # hours before the first example of a site
PER_EVENT = 12  # hours of one event that are taken
DAYS_PER_EVENT = (5.0, 16.0)  # a copy of a series holds one event in that many days
ECHO = 12  # hours right after an event: still calling them odd is a small mistake
AFTERMATH = 168  # hours after an event: normal again, yet the window still holds it
LEAST_HOURS = 168  # normal hours of a part
WEEK_HOURS = 168
LIFE = 0.4  # examples of changed lives, as a share of the injected ones
PER_CHANGE = 40  # hours of one change that are taken
SPOILED = 0.25  # share of examples that readings are taken away from
ONSET = {"creep": 72, "shift": 12, "high": 6, "stuck": 3}
"""Hours until an event of that type can be told from normal: its first hours weigh less."""


@dataclass(frozen=True)
class Part:
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


def draw(
    part: Part,
    n_normal: int,
    n_injected: int,
    context: int,
    featurise: Featurise,
    rng: np.random.Generator,
) -> Drawn | None:
    """Draw from one part of a site: about ``n_normal`` normal hours, and examples, about
    ``n_injected`` of them from injected copies (inside, soon after and elsewhere) and as
    many from the series as it is. None where the part is too short."""
    at = np.flatnonzero(part.usable)
    at = at[at >= LEAST_CONTEXT]
    if len(at) < LEAST_HOURS:
        return None
    rows = _blocks(at, n_normal, rng)
    inputs = inputs_at(part.values, part.hours, rows, context)
    normal = featurise(inputs["history_w"], inputs["hour_of_week"])
    n_spoiled = int(SPOILED * n_injected)
    clean = normal[_sample(np.arange(len(rows)), n_injected - n_spoiled, rng)]
    spoiled = _featurised(part, part.values, _sample(at, n_spoiled, rng), 1.0, context, featurise,
                          rng)  # fmt: skip
    found = [_normal_examples(clean), _normal_examples(spoiled)]
    for values, codes, weights, taken in _copies(part, n_injected, rng):
        features = _featurised(part, values, taken, SPOILED, context, featurise, rng)
        found.append(Examples(features, codes[taken], weights[taken]))
    for values, weights, taken in _lives(part, int(LIFE * n_injected), rng):
        features = _featurised(part, values, taken, SPOILED, context, featurise, rng)
        found.append(Examples(features, np.zeros(len(taken), np.uint8), weights[taken]))
    return Drawn(Examples.join(found), normal, rows)


def _blocks(at: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """About ``count`` of the hours, in whole weeks (shorter if that is more than was asked
    for, a day at least): alerts are runs of hours."""
    if len(at) <= count:
        return at
    block = at // min(WEEK_HOURS, max(count, 24))
    blocks = np.unique(block)
    chosen = rng.choice(blocks, max(1, round(len(blocks) * count / len(at))), replace=False)
    return at[np.isin(block, chosen)]


def _normal_examples(features: np.ndarray) -> Examples:
    return Examples(features, np.zeros(len(features), np.uint8), np.ones(len(features), np.float32))


def _copies(
    part: Part, wanted: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Injected copies of the series until ``wanted`` hours are drawn from them: values,
    codes, weights, and the hours to take."""
    days = part.usable.sum() / 24
    allowed = part.usable.copy()
    allowed[: 2 * LEAST_CONTEXT] = False
    idle = 0
    while wanted > 0 and idle < 3:
        count = max(1, round(days / rng.uniform(*DAYS_PER_EVENT)))
        seed = int(rng.integers(2**31))
        injected = inject(part.values, part.hours, allowed, seed, count=count)
        rows, weights = _rows(part, injected, rng)
        idle = idle + 1 if not injected.events else 0
        rows = _sample(rows, wanted, rng)
        wanted -= len(rows)
        if len(rows):
            yield injected.values, injected.codes, weights, rows


def _lives(
    part: Part, wanted: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Copies of the series with one change of life each until ``wanted`` hours are drawn
    from them: values, weights, and the hours to take."""
    starts = np.flatnonzero(part.usable)
    starts = starts[starts >= 2 * LEAST_CONTEXT]
    kinds = list(CHANGES)
    for turn in range(-(-wanted // PER_CHANGE) if starts.size else 0):
        start = int(rng.choice(starts))
        changed = change_benignly(kinds[turn % len(kinds)], part.values, part.hours, start, rng)
        rows = np.flatnonzero(part.usable[changed.start : changed.stop]) + changed.start
        yield changed.values, changed.weights, _sample(rows, PER_CHANGE, rng)


def _rows(
    part: Part, injected: Injected, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Hours to take from an injected copy, and the weight of every hour."""
    weights = np.ones(len(part.values), np.float32)
    after = np.zeros(len(part.values), bool)
    taken = []
    for event in injected.events:
        stop = event.start + event.hours
        weights[event.start : stop] = _event_weights(event)
        weights[stop : stop + ECHO] = 0.3
        after[stop : stop + AFTERMATH] = True
        inside = np.arange(event.start, stop)
        inside = inside[~np.isnan(injected.values[inside])]
        first = inside[:2]
        taken += [first, _sample(inside[2:], PER_EVENT - len(first), rng)]
    inside = np.concatenate(taken) if taken else np.zeros(0, np.int64)
    normal = part.usable & (injected.codes == 0)
    normal[:LEAST_CONTEXT] = False
    near = _sample(np.flatnonzero(normal & after), len(inside) // 2, rng)
    far = _sample(np.flatnonzero(normal & ~after), len(inside) - len(near), rng)
    return np.sort(np.concatenate([inside, near, far]).astype(np.int64)), weights


def _event_weights(event: Event) -> np.ndarray:
    """Short events have few hours, so each weighs more; hours before the onset less."""
    onset = ONSET.get(event.type, 1)
    rise = np.clip((np.arange(event.hours) + 1) / onset, 0.1, 1.0)
    return (rise * (PER_EVENT / min(event.hours, PER_EVENT)) ** 0.5).astype(np.float32)


def _featurised(
    part: Part,
    values: np.ndarray,
    at: np.ndarray,
    spoiled: float,
    context: int,
    featurise: Featurise,
    rng: np.random.Generator,
) -> np.ndarray:
    """Features of the hours ``at`` of ``values``, with a share of the windows spoiled."""
    inputs = inputs_at(values, part.hours, at, context)
    history = _spoil(inputs["history_w"].copy(), spoiled, rng)
    return featurise(history, inputs["hour_of_week"])


def _spoil(history: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Take readings away from a share of the windows, as young devices and lost links do:
    the older part of half of them, a stretch of the others."""
    context = history.shape[1]
    for row in np.flatnonzero(rng.random(len(history)) < share):
        if rng.random() < 0.5:
            history[row, : context - int(rng.integers(LEAST_CONTEXT, context))] = np.nan
        else:
            length = int(rng.integers(3, 96))
            start = int(rng.integers(0, context - length - 1))
            history[row, start : start + length] = np.nan
    return history


def _sample(rows: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """At most ``count`` of ``rows``, in their order."""
    if len(rows) <= count:
        return rows
    return np.sort(rng.choice(rows, max(count, 0), replace=False))
