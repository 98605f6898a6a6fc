"""The model store: a repository of The Update Framework, and the champion of each model."""

from __future__ import annotations

from smartwatts_ml.pulling import Pulled
from smartwatts_ml.store.auditing import Audit, AuditFinding
from smartwatts_ml.store.documents import HistoryEntry, Manifest, Pointer
from smartwatts_ml.store.keys import KeyFolder
from smartwatts_ml.store.pruning import Pruned
from smartwatts_ml.store.store import Store, open_store
from smartwatts_ml.store.submission import ANY_CHAMPION, FirstRing
from smartwatts_ml.store.values import Champion, Published, Renewed, StoredVersion

__all__ = [
    "ANY_CHAMPION",
    "Audit",
    "Champion",
    "AuditFinding",
    "FirstRing",
    "HistoryEntry",
    "KeyFolder",
    "Manifest",
    "Pointer",
    "Pruned",
    "Published",
    "Pulled",
    "Renewed",
    "Store",
    "StoredVersion",
    "open_store",
]
