"""Training examples: features of normal hours, and of hours inside injected anomalies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.anomaly.injection import Event, Injected, inject
from smartwatts_ml.kinds.anomaly.windows import inputs_at

__all__ = ["Examples", "Featurise", "Part", "gather"]

Featurise = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From ``history_w`` and ``hour_of_week`` to features, shape (windows, n_features)."""

LEAST_CONTEXT = 24  # hours before the first example of a site
PER_EVENT = 12  # hours of one event that are taken
DAYS_PER_EVENT = (5.0, 16.0)  # a copy of a series holds one event in that many days
ECHO = 12  # hours right after an event: still calling them odd is a small mistake
AFTERMATH = 168  # hours after an event: normal again, yet the window still holds it
SHORTENED = 0.15  # share of windows whose older part is taken away
HOLED = 0.1  # share of windows that lose a stretch of readings
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


def gather(
    part: Part, count: int, context: int, featurise: Featurise, rng: np.random.Generator
) -> Examples | None:
    """About ``count`` examples of one site: half of them normal hours of the series as it
    is, the others from copies with injected anomalies: inside, soon after and elsewhere."""
    found: list[Examples] = []
    at = np.flatnonzero(part.usable)
    at = at[at >= LEAST_CONTEXT]
    if not at.size:
        return None
    clean = _sample(at, count // 2, rng)
    found.append(_examples(part.values, part.hours, clean, context, featurise, rng))
    wanted = count - len(clean)
    for values, codes, weights, rows in _copies(part, wanted, rng):
        one = _examples(values, part.hours, rows, context, featurise, rng)
        found.append(Examples(one.features, codes[rows], weights[rows]))
    return Examples.join(found)


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


def _examples(
    values: np.ndarray,
    hours: np.ndarray,
    at: np.ndarray,
    context: int,
    featurise: Featurise,
    rng: np.random.Generator,
) -> Examples:
    inputs = inputs_at(values, hours, at, context)
    history = _spoil(inputs["history_w"].copy(), rng)
    return Examples(
        featurise(history, inputs["hour_of_week"]),
        np.zeros(len(at), np.uint8),
        np.ones(len(at), np.float32),
    )


def _spoil(history: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Take readings away from some windows, as young devices and lost links do."""
    context = history.shape[1]
    for row in np.flatnonzero(rng.random(len(history)) < SHORTENED):
        history[row, : context - int(rng.integers(LEAST_CONTEXT, context))] = np.nan
    for row in np.flatnonzero(rng.random(len(history)) < HOLED):
        length = int(rng.integers(3, 96))
        start = int(rng.integers(0, context - length - 1))
        history[row, start : start + length] = np.nan
    return history


def _sample(rows: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """At most ``count`` of ``rows``, in their order."""
    if len(rows) <= count:
        return rows
    return np.sort(rng.choice(rows, max(count, 0), replace=False))
