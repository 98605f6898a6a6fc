"""A pull gives whole versions that are trusted, and never goes back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from smartwatts_ml.errors import TrustError
from smartwatts_ml.objects import Objects
from smartwatts_ml.store import Store
from tests.store.helpers import Clock, content, keys_of, opened


def test_a_pull_writes_versioned_and_stable_names_and_then_nothing(
    store: Store, objects: Objects, tmp_path: Path
) -> None:
    folder = tmp_path / "a" / "b"
    pulled = store.pull("nilm", folder)
    assert (pulled.version, pulled.serial, pulled.updated) == (2, 2, True)
    assert sorted(path.name for path in folder.iterdir()) == [
        "nilm.serial",
        "nilm.tflite",
        "nilm_v2.json",
        "nilm_v2.tflite",
    ]
    assert pulled.path.read_bytes() == (folder / "nilm_v2.tflite").read_bytes() == content("run2")
    assert (folder / "nilm_v2.json").read_bytes() == objects.read("models/nilm/nilm_v2.json").data
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert not store.pull("nilm", folder).updated
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times


def test_a_pull_is_on_the_disk_before_what_it_replaces_goes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut may undo names that were given since their folder was flushed."""
    folder, steps = tmp_path / "out", list[str]()
    store.pull("nilm", folder, version=1)
    fsync, replace, unlink = os.fsync, Path.replace, Path.unlink

    def flush(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink() == folder:
            steps.append("flush")
        fsync(handle)

    def rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(path, target)

    def remove(path: Path, missing_ok: bool = False) -> None:
        if path.name.startswith("nilm_v1."):
            steps.append("remove")
        unlink(path, missing_ok)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(Path, "replace", rename)
    monkeypatch.setattr(Path, "unlink", remove)
    store.pull("nilm", folder)
    assert steps == ["rename"] * 3 + ["flush"] + ["remove"] * 2


def test_a_pull_repairs_a_damaged_folder(store: Store, tmp_path: Path) -> None:
    store.pull("nilm", tmp_path)
    (tmp_path / "nilm.tflite").write_bytes(b"x" * len(content("run2")))
    assert store.pull("nilm", tmp_path).updated
    assert (tmp_path / "nilm.tflite").read_bytes() == content("run2")


def test_a_pull_follows_promotions_and_rollbacks(store: Store, tmp_path: Path) -> None:
    store.pull("nilm", tmp_path)
    store.rollback("nilm", 1, "bob", "why")
    pulled = store.pull("nilm", tmp_path)
    assert (pulled.version, pulled.serial) == (1, 3)
    assert pulled.path.read_bytes() == content("run1")


def test_a_version_asked_for_is_pulled(store: Store, tmp_path: Path) -> None:
    pulled = store.pull("nilm", tmp_path, version=1)
    assert (pulled.version, pulled.serial) == (1, 2)
    assert pulled.path.read_bytes() == content("run1")


def test_a_store_that_was_turned_back_whole_is_refused(
    root_url: str, store: Store, clock: Clock, tmp_path: Path
) -> None:
    """Old, genuine objects put back: every signature holds, only the puller can know."""
    old = Store(opened(root_url), keys_of(tmp_path), clock=clock)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/nilm.serial").write_text("3\n")
    with pytest.raises(TrustError, match=r"offers serial 2 of nilm, but 3 was pulled"):
        old.pull("nilm", tmp_path / "out")
