"""Anchors: earlier versions that were in force within the last year. A challenger's guards and
slices hold against them too, so that what the champion lost step by step is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.store import HistoryEntry, Manifest, Store, open_store

__all__ = ["a_few", "anchor_name", "anchors_in_force", "anchors_then", "versions_of_the_year"]

_T = TypeVar("_T")
_YEAR = timedelta(days=365)
_MOST = 4
"""Scoring one costs what scoring the champion does; of more, the oldest and some evenly after."""


def anchor_name(version: int) -> str:
    """What scores and sentences call it."""
    return f"v{version}"


def anchors_in_force(run: ModelRun) -> tuple[Manifest, ...]:
    """The manifests of the anchors of today, oldest first; of those that are still there."""
    store = open_store(run.objects, run.settings)
    versions = versions_of_the_year(store.history(run.model), datetime.now(UTC))
    return tuple(filter(None, (_kept(store, run.model, version) for version in versions)))


def _kept(store: Store, model: str, version: int) -> Manifest | None:
    try:
        return store.manifest(model, version)
    except (NotFoundError, TrustError):
        return None


def anchors_then(run: ModelRun, names: Sequence[str]) -> tuple[Manifest, ...]:
    """Those of a decision, by their names."""
    store = open_store(run.objects, run.settings)
    return tuple(store.manifest(run.model, int(name.removeprefix("v"))) for name in names)


def versions_of_the_year(history: Sequence[HistoryEntry], now: datetime) -> list[int]:
    """Versions that were in force at some time of the year before ``now``, oldest first,
    without the one in force; a few of them where there are many."""
    ended = [
        (entry.version, datetime.fromisoformat(after.time)) for entry, after in pairwise(history)
    ]
    recent = dict.fromkeys(version for version, end in ended if now - end <= _YEAR)
    return a_few([version for version in recent if version != history[-1].version])


def a_few(versions: Sequence[_T]) -> list[_T]:
    """Of many the oldest, the newest, and some evenly between.

    >>> a_few([3, 5]), a_few([1, 2, 3, 4, 5, 6, 7])
    ([3, 5], [1, 3, 5, 7])
    """
    last = len(versions) - 1
    if last < _MOST:
        return list(versions)
    return [versions[i * last // (_MOST - 1)] for i in range(_MOST)]
