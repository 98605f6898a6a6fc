"""What the store says that gateways should run."""

from __future__ import annotations

from smartwatts_ml.errors import TrustError
from smartwatts_ml.fleet.status import Served
from smartwatts_ml.store import Store
from smartwatts_ml.store.canonical import parse_time

__all__ = ["served_by"]


def served_by(store: Store) -> dict[str, Served]:
    """By model. One whose history does not verify is left out: `models verify` says why."""
    served = {}
    for model in store.models():
        try:
            history = store.history(model)
        except TrustError:
            continue
        if history:
            published = frozenset(entry.version for entry in history)
            served[model] = Served(
                history[-1].version, parse_time(history[-1].time), published=published
            )
    return served
