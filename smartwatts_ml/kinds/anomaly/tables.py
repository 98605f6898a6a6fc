"""What an evaluation shows beside its metrics: events by type, size and length with the
delay to their first alert, and whether a score is as rare on normal hours as it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.anomaly.injection import Event
from smartwatts_ml.kinds.anomaly.layout import SIZES, TYPES
from smartwatts_ml.kinds.anomaly.metrics import BINS, BINS_A_DECADE, COUNTS, average_precision
from smartwatts_ml.scores.parts import PartMetrics
from smartwatts_ml.scores.scores import Scores, Table

__all__ = ["EventAlert", "event_tables", "part_metrics", "reliability"]

_LENGTHS = ((1, 6), (6, 24), (24, 72), (72, 10**6))
_BY_TYPE, _BY_SIZE = "events by type", "events by size"
_LEAST_EVENTS = 5
"""Fewer of a type or a size say nothing of it."""
_TAILS = range(BINS_A_DECADE, 4 * BINS_A_DECADE + 1, BINS_A_DECADE // 2)
"""Bins at which scores of 0.9 to 0.9999 begin."""


@dataclass(frozen=True)
class EventAlert:
    """An injected event; ``change``: how much it changes its hours on average, as a share
    of the site's mean power; ``delay``: hours until an alert came (None: never); ``bins``:
    its hours by score, shape (BINS,), NaN where a score is not finite."""

    event: Event
    change: float
    delay: int | None
    bins: np.ndarray


def event_tables(events: Sequence[EventAlert], sums: np.ndarray) -> dict[str, Table]:
    """Recall, median delay and PR-AUC by type, by size and by length; empty without events,
    as where labels name no types. ``sums``: statistics, shape (n_blocks, 1, n_stats)."""
    if not events:
        return {}
    normal = sums[..., len(COUNTS) + BINS :].sum(axis=(0, 1))

    def rows(groups: Mapping[str, Sequence[EventAlert]]) -> Table:
        return {name: _found(group, normal) for name, group in groups.items()}

    return {
        _BY_TYPE: rows({name: [e for e in events if e.event.type == name] for name in TYPES}),
        _BY_SIZE: rows(
            {
                name: [e for e in events if low <= e.change < high]
                for name, (low, high) in SIZES.items()
            }
        ),
        "events by length": rows(
            {
                f"{low} h and longer": [e for e in events if low <= e.event.hours < high]
                for low, high in _LENGTHS
            }
        ),
    }


def _found(events: Sequence[EventAlert], normal: np.ndarray) -> dict[str, float]:
    delays = [event.delay for event in events]
    known = [delay for delay in delays if delay is not None]
    bins = np.sum([event.bins for event in events], axis=0) if events else np.zeros(BINS)
    return {
        "events": float(len(delays)),
        "recall": len(known) / len(delays) if delays else float("nan"),
        "median_delay_h": float(np.median(known)) if known else float("nan"),
        "pr_auc": average_precision(bins, normal),
    }


def part_metrics(scores: Scores) -> PartMetrics:
    """Of each type and each size of events, NaN where there were too few."""
    rows = {**scores.tables.get(_BY_TYPE, {}), **scores.tables.get(_BY_SIZE, {})}
    return {
        name: {"pr_auc": row["pr_auc"] if row["events"] >= _LEAST_EVENTS else float("nan")}
        for name, row in rows.items()
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
