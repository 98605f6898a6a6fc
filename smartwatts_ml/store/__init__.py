"""The model store: a repository of The Update Framework, and the champion of each model."""

from __future__ import annotations

from smartwatts_ml.store.auditing import Audit
from smartwatts_ml.store.documents import HistoryEntry, Manifest
from smartwatts_ml.store.keys import KeyFolder
from smartwatts_ml.store.pruning import Pruned
from smartwatts_ml.store.store import Store, open_store
from smartwatts_ml.store.submission import FirstRing
from smartwatts_ml.store.values import Champion, Published

__all__ = [
    "Audit",
    "Champion",
    "FirstRing",
    "HistoryEntry",
    "KeyFolder",
    "Manifest",
    "Pruned",
    "Published",
    "Store",
    "open_store",
]
