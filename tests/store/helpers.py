"""A store with a fixed clock, and objects whose writes can be made to fail."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from smartwatts_ml.errors import UsageError
from smartwatts_ml.objects import Object, ObjectInfo, Objects, open_root
from smartwatts_ml.store import Published, Store

FIELDS: dict[str, Any] = {
    "code": "0.1.0+abc",
    "snapshot": {
        "version": 4,
        "digest": "d" * 64,
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-03-01T00:00:00Z",
        "rows": 1000,
        "sites": 3,
    },
    "inputs": [{"name": "mains_w", "shape": [1, 512, 1], "dtype": "float32", "unit": "W"}],
    "outputs": [{"name": "power_w", "shape": [1, 512, 5], "unit": "W"}],
    "metrics": {
        "challenger": {"mae": 12.5, "slices": {"site h1": {"mae": 9.5}}},
        "champion": None,
        "baseline": {"mae": 20.25},
    },
    "decision": {"accepted": True, "reasons": ["mae 12.5 < 20.2"], "holdout_digest": "h"},
    "quantization": "dynamic",
}


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 2, 11, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


def content(run_id: str) -> bytes:
    """The file of a run."""
    return b"\x1c\0\0\0TFL3" + hashlib.sha256(run_id.encode()).digest() * 8


def publish(store: Store, model: str, run_id: str, **more: Any) -> Published:
    """Publish a run's file."""
    return store.publish(
        model, content(run_id), FIELDS, run_id=run_id, actor="ann", reason="better", **more
    )


def keys_of(tmp_path: Path) -> Path:
    """The tests' folder of keys."""
    return tmp_path / "keys"


@cache
def opened(url: str) -> Objects:
    """A root, opened once: making an S3 client takes longer than a test's requests."""
    return open_root(url)


def new_store(url: str, tmp_path: Path, **more: Any) -> Store:
    """A store on a root, with keys: one of each, those of root too."""
    store = Store(opened(url), keys_of(tmp_path), **more)
    with_keys(store)
    return store


def with_keys(store: Store) -> Store:
    """The store itself, after the ceremony if that was not held yet."""
    try:
        store.ceremonies.init(["nilm"])
    except UsageError:  # held already, by another process maybe
        store.ceremonies.complete()
    return store


class PowerCutError(Exception):
    """The process died here."""


class FragileObjects(Objects):
    """Objects that die at the k-th write: before it takes effect, or after it did but
    before anybody hears of it. ``writes`` counts them."""

    def __init__(self, objects: Objects, die_at: int | None, after: bool = False) -> None:
        self.url = objects.url
        self._objects = objects
        self._die_at = die_at
        self._after = after
        self.writes = 0

    def _write(self, write: Any, *args: Any) -> Any:
        self.writes += 1
        if self.writes == self._die_at and not self._after:
            raise PowerCutError
        etag = write(*args)
        if self.writes == self._die_at:
            raise PowerCutError
        return etag

    def create(self, key: str, data: bytes) -> str:
        return self._write(self._objects.create, key, data)

    def replace(self, key: str, data: bytes, etag: str) -> str:
        return self._write(self._objects.replace, key, data, etag)

    def write(self, key: str, data: bytes) -> str:
        return self._write(self._objects.write, key, data)

    def delete(self, key: str) -> None:
        self._write(self._objects.delete, key)

    def read(self, key: str, limit: int | None = None) -> Object:
        return self._objects.read(key, limit)

    def folders(self, prefix: str = "") -> Iterator[str]:
        return self._objects.folders(prefix)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self._objects.list(prefix)

    def info(self, key: str) -> ObjectInfo:
        return self._objects.info(key)

    def fetch(self, key: str, path: Path) -> None:
        self._objects.fetch(key, path)

    def upload(self, key: str, path: Path) -> None:
        self._objects.upload(key, path)

    def uri(self, key: str) -> str:
        return self._objects.uri(key)

    def storage_options(self) -> dict[str, str]:
        return self._objects.storage_options()
