"""No more is read than a document may have."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from smartwatts_ml.errors import TrustError
from smartwatts_ml.objects import Object, Objects
from smartwatts_ml.store import Store
from smartwatts_ml.store.sealed import MAX_DOCUMENT_BYTES
from tests.store.helpers import Clock, FragileObjects, keys_of, publish
from tests.store.trust.changes import put


class Bounded(FragileObjects):
    """Objects that are never read without saying how much they may have."""

    def read(self, key: str, limit: int | None = None) -> Object:
        assert limit is not None, key
        return super().read(key, limit)


def test_nothing_is_read_without_a_limit(objects: Objects, tmp_path: Path, clock: Clock) -> None:
    store = Store(Bounded(objects, None), keys_of(tmp_path), clock=clock)
    for run_id in ("run1", "run2", "run3", "run3"):
        publish(store, "nilm", run_id)
    champion = store.champion("nilm")
    assert champion is not None
    store.read_file(champion.manifest)
    store.rollback("nilm", 2, "bob", "why")
    store.resign("nilm")
    store.resign_documents("nilm")
    store.versions("nilm")
    store.pull("nilm", tmp_path / "out", version=1)
    clock.advance(days=10)
    store.rollback("nilm", 3, "bob", "why")
    clock.advance(days=10)
    assert store.prune("nilm", keep=1, older_than=timedelta(days=1)).versions == (1, 2)
    assert not store.verify("nilm", repair=True).findings


HUGE = b" " * (MAX_DOCUMENT_BYTES + 1)


def test_a_huge_manifest_is_refused(store: Store, objects: Objects) -> None:
    put(objects, "models/nilm/nilm_v2.json", HUGE)
    with pytest.raises(TrustError, match="larger than"):
        store.champion("nilm")


def test_a_huge_pointer_stops_pulls_until_it_is_signed_again(
    store: Store, objects: Objects, tmp_path: Path
) -> None:
    put(objects, "models/nilm/champion.json", HUGE)
    with pytest.raises(TrustError, match="larger than"):
        store.pull("nilm", tmp_path / "out")
    assert store.resign("nilm") is not None
    assert store.pull("nilm", tmp_path / "out").version == 2


def test_a_huge_manifest_can_be_pruned(store: Store, objects: Objects, clock: Clock) -> None:
    put(objects, "models/nilm/nilm_v1.json", HUGE)
    clock.advance(days=10)
    assert store.prune("nilm", keep=1, older_than=timedelta(days=1)).versions == (1,)
    assert not objects.exists("models/nilm/nilm_v1.json")
