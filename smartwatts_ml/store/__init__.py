"""The model store: immutable versions, signed manifests, history, and the champion."""

from __future__ import annotations

from smartwatts_ml.store.documents import HistoryEntry, Manifest, Pointer
from smartwatts_ml.store.keys import KeyFolder
from smartwatts_ml.store.pulling import Pulled
from smartwatts_ml.store.store import ANY_CHAMPION, Store
from smartwatts_ml.store.values import Champion, Published, StoredVersion

__all__ = [
    "ANY_CHAMPION",
    "Champion",
    "HistoryEntry",
    "KeyFolder",
    "Manifest",
    "Pointer",
    "Published",
    "Pulled",
    "Store",
    "StoredVersion",
]
