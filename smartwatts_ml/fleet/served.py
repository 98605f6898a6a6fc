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
            champion, history = store.champion(model), store.history(model)
        except TrustError:
            continue
        if champion is None:
            continue
        known = {entry.version for entry in history} | {entry.about for entry in history}
        out = champion.candidate if champion.candidate and champion.candidate.share else None
        served[model] = Served(
            champion.version,
            parse_time(champion.entry.time),
            beside=frozenset({out.version} if out else ()),
            published=frozenset(known),
        )
    return served
