"""Renew: what gateways are told, signed again, once what is due with candidates was done."""

from __future__ import annotations

from smartwatts_ml.errors import StoreError
from smartwatts_ml.objects import Objects
from smartwatts_ml.progress import Progress
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import open_store
from smartwatts_ml.store.advancing import renew_all

__all__ = ["renew_timestamp"]


def renew_timestamp(
    objects: Objects, settings: Settings, progress: Progress | None = None
) -> str | None:
    """Sign the store's timestamp again, whatever a run decided; when it expires, None before
    anything was published. So a store that stands still or was turned back is noticed. What is
    due with candidates is done before. One model's trouble does not keep the others from it; then
    StoreError is raised."""
    renewed = renew_all(open_store(objects, settings), settings)
    if renewed is None:
        return None
    if progress:
        progress(f"until {renewed.expires}", 1.0)
    if renewed.problems:
        raise StoreError("; ".join(f"{m}: {why}" for m, why in renewed.problems.items()))
    return renewed.expires
