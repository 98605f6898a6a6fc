"""What the store says that gateways should run."""

from __future__ import annotations

from smartwatts_ml.errors import TrustError
from smartwatts_ml.fleet.status import Served
from smartwatts_ml.store import Store
from smartwatts_ml.store.canonical import parse_time
from smartwatts_ml.store.documents import ROLLOUT

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
            since = next((e.time for e in history[::-1] if e.action not in ROLLOUT), "")
            out = history[-1].candidate
            served[model] = Served(
                history[-1].version,
                parse_time(since),
                beside=frozenset([out.version] if out and out.share else []),
                published=frozenset(v for e in history for v in (e.version, e.about)),
            )
    return served
