"""A store that others lay hands on. Trust is the same on every kind of root."""

from __future__ import annotations

from pathlib import Path

import pytest

from smartwatts_ml.objects import Objects
from smartwatts_ml.store import Store
from tests.store.helpers import Clock, new_store, opened, publish


@pytest.fixture
def root_url(tmp_path: Path) -> str:
    """A directory is the quickest root."""
    return str(tmp_path / "root")


@pytest.fixture
def objects(root_url: str) -> Objects:
    return opened(root_url)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(root_url: str, tmp_path: Path, clock: Clock) -> Store:
    """Two versions of nilm, one of anomaly."""
    store = new_store(root_url, tmp_path, clock=clock)
    publish(store, "nilm", "run1")
    publish(store, "nilm", "run2")
    publish(store, "anomaly", "run1")
    return store
