"""What an evaluation shows beside its metrics: events by type, size and length with the
delay to their first alert, and whether a score is as rare on normal hours as it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.anomaly.injection import TYPES, Event
from smartwatts_ml.kinds.anomaly.metrics import BINS, BINS_A_DECADE, COUNTS
from smartwatts_ml.scores.scores import Table

__all__ = ["EventAlert", "event_tables", "reliability"]

_LENGTHS = ((1, 6), (6, 24), (24, 72), (72, 10**6))
_SIZES = ((0.0, 0.5), (0.5, 1.0), (1.0, 3.0), (3.0, np.inf))
_TAILS = range(BINS_A_DECADE, 4 * BINS_A_DECADE + 1, BINS_A_DECADE // 2)
"""Bins at which scores of 0.9 to 0.9999 begin."""


@dataclass(frozen=True)
class EventAlert:
    """An injected event; ``change``: how much it changes its hours on average, as a share
    of the site's mean power; ``delay``: hours until an alert came (None: never)."""

    event: Event
    change: float
    delay: int | None


def event_tables(events: Sequence[EventAlert]) -> dict[str, Table]:
    """Recall and median delay by type, by size and by length; empty without events, as
    where labels name no types."""
    if not events:
        return {}
    return {
        "events by type": {
            name: _recall(e for e in events if e.event.type == name) for name in TYPES
        },
        "events by size": {
            _size_label(low, high): _recall(e for e in events if low <= e.change < high)
            for low, high in _SIZES
        },
        "events by length": {
            f"{low} h and longer": _recall(e for e in events if low <= e.event.hours < high)
            for low, high in _LENGTHS
        },
    }


def _size_label(low: float, high: float) -> str:
    return f"up to {high:g} of the mean" if low == 0 else f"{low:g} of the mean and more"


def _recall(events: Iterable[EventAlert]) -> dict[str, float]:
    delays = [event.delay for event in events]
    known = [delay for delay in delays if delay is not None]
    return {
        "events": float(len(delays)),
        "recall": len(known) / len(delays) if delays else float("nan"),
        "median_delay_h": float(np.median(known)) if known else float("nan"),
    }


def reliability(sums: np.ndarray, bands: Mapping[str, np.ndarray]) -> Table:
    """Share of normal hours whose score is at least 0.9, 0.97, …: what the score promises,
    what is, and what is within each band of hours.

    ``sums`` and each of ``bands``: statistics, shape (n_blocks, 1, n_stats).

    >>> sums = np.zeros((1, 1, len(COUNTS) + 2 * BINS))
    >>> sums[0, 0, len(COUNTS) + BINS :][[0, 13]] = 80, 20
    >>> row = reliability(sums, {})["score 0.9000 and above"]
    >>> {name: round(value, 2) for name, value in row.items()}
    {'promised': 0.1, 'normal_hours': 0.2}
    """
    whole, parts = _tails(sums), {name: _tails(part) for name, part in bands.items()}
    table = {}
    for bin_ in _TAILS:
        promised = 10 ** (-bin_ / BINS_A_DECADE)
        table[f"score {1 - promised:.4f} and above"] = {
            "promised": promised,
            "normal_hours": float(whole[bin_]),
            **{name: float(part[bin_]) for name, part in parts.items()},
        }
    return table


def _tails(sums: np.ndarray) -> np.ndarray:
    """Share of normal hours in each bin of scores or a higher one, shape (BINS,)."""
    normal = sums[..., len(COUNTS) + BINS :].sum(axis=(0, 1))
    return np.asarray(np.cumsum(normal[::-1])[::-1] / max(normal.sum(), 1.0))
