"""A gateway as the framework's own client makes one: what it trusts, what it pulls."""

from __future__ import annotations

import shutil
from pathlib import Path

from smartwatts_ml.store import Store
from tests.store.helpers import Clock, opened

__all__ = ["gateway"]


def gateway(url: str, folder: Path, root: bytes, clock: Clock) -> Store:
    """A machine that trusts a root and has no other key."""
    shutil.rmtree(folder, ignore_errors=True)
    store = Store(opened(url), folder, clock=clock)
    store.keys.trust(root, "root.json")
    return store
