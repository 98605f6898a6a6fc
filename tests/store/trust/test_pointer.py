"""A pointer that is expired, bad or behind: the history says what is in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from smartwatts_ml.errors import TrustError
from smartwatts_ml.objects import Objects
from smartwatts_ml.store import Store
from tests.store.helpers import Clock, publish
from tests.store.trust.changes import put, with_payload


def test_an_expired_pointer_stops_pulls_until_it_is_signed_again(
    store: Store, clock: Clock, tmp_path: Path
) -> None:
    clock.advance(days=29, hours=23)
    assert store.pull("nilm", tmp_path / "out").version == 2
    clock.advance(hours=2)
    with pytest.raises(TrustError, match=r"expired 2026-12-22T02:11:09Z.*models resign"):
        store.pull("nilm", tmp_path / "out")
    champion = store.champion("nilm")
    assert champion is not None  # training goes on
    before = store.pointer("nilm")
    after = store.resign("nilm")
    assert after is not None
    assert (after.serial, after.commit_id) == (before.serial, before.commit_id)
    assert store.pull("nilm", tmp_path / "out").serial == 2


@pytest.mark.parametrize("pointer", ["unreadable", "foreign", "behind", "of another model"])
def test_a_bad_pointer_is_rebuilt_from_the_history(
    store: Store, objects: Objects, pointer: str, tmp_path: Path
) -> None:
    key = "models/nilm/champion.json"
    old = objects.read(key).data
    if pointer == "behind":
        publish(store, "nilm", "run3")
    bad = {
        "unreadable": b"{",
        "foreign": with_payload(old, version=1),
        "behind": old,
        "of another model": objects.read("models/anomaly/champion.json").data,
    }[pointer]
    put(objects, key, bad)
    champion = store.champion("nilm")
    assert champion is not None
    resigned = store.resign("nilm")
    assert resigned is not None
    assert (resigned.version, resigned.serial) == (champion.version, champion.entry.serial)
    assert store.pull("nilm", tmp_path / "out").version == champion.version


def test_a_pull_does_not_follow_a_bad_pointer(
    store: Store, objects: Objects, tmp_path: Path
) -> None:
    put(objects, "models/nilm/champion.json", b"{")
    with pytest.raises(TrustError):
        store.pull("nilm", tmp_path / "out")


def test_a_pull_follows_a_pointer_that_is_behind_but_never_back(
    store: Store, objects: Objects, tmp_path: Path
) -> None:
    old = objects.read("models/nilm/champion.json").data
    publish(store, "nilm", "run3")
    put(objects, "models/nilm/champion.json", old)
    assert store.pull("nilm", tmp_path / "new").version == 2
    store.resign("nilm")
    assert store.pull("nilm", tmp_path / "new").version == 3
    put(objects, "models/nilm/champion.json", old)
    with pytest.raises(TrustError, match="offers serial 2 of nilm, but 3 was pulled"):
        store.pull("nilm", tmp_path / "new")
