"""What is refused: anything tampered with, swapped, cut or put under another name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import TrustError
from smartwatts_ml.objects import Objects
from smartwatts_ml.store import Store
from tests.store.helpers import content, publish
from tests.store.trust.changes import put, with_payload


def test_a_tampered_file_is_refused(store: Store, objects: Objects, tmp_path: Path) -> None:
    put(objects, "models/nilm/nilm_v2.tflite", b"x" + content("run2")[1:])
    champion = store.champion("nilm")
    assert champion is not None
    with pytest.raises(TrustError, match="not the file that was signed"):
        store.read_file(champion.manifest)
    with pytest.raises(TrustError):
        store.pull("nilm", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tampered_manifest_is_refused(store: Store, objects: Objects) -> None:
    key = "models/nilm/nilm_v2.json"
    put(objects, key, with_payload(objects.read(key).data, size=3))
    with pytest.raises(TrustError, match="not signed by a trusted key"):
        store.champion("nilm")
    listed = store.versions("nilm")
    assert [version.problem is None for version in listed] == [True, False]


@pytest.mark.parametrize("field", ["serial", "version", "sha256", "actor"])
def test_a_tampered_history_is_refused(store: Store, objects: Objects, field: str) -> None:
    key = "models/nilm/history/0000000002.json"
    value: Any = "f" * 64 if field in ("sha256", "actor") else 1
    put(objects, key, with_payload(objects.read(key).data, **{field: value}))
    with pytest.raises(TrustError):
        store.champion("nilm")
    with pytest.raises(TrustError):
        store.history("nilm")
    with pytest.raises(TrustError):
        publish(store, "nilm", "run3")


def test_manifests_swapped_between_models_are_refused(store: Store, objects: Objects) -> None:
    put(objects, "models/anomaly/anomaly_v1.json", objects.read("models/nilm/nilm_v1.json").data)
    with pytest.raises(TrustError, match="is the manifest of nilm v1"):
        store.champion("anomaly")


def test_manifests_swapped_between_versions_are_refused(store: Store, objects: Objects) -> None:
    put(objects, "models/nilm/nilm_v2.json", objects.read("models/nilm/nilm_v1.json").data)
    with pytest.raises(TrustError, match="is the manifest of nilm v1"):
        store.champion("nilm")


def test_history_swapped_between_models_is_refused(store: Store, objects: Objects) -> None:
    nilm = objects.read("models/nilm/history/0000000001.json").data
    put(objects, "models/anomaly/history/0000000001.json", nilm)
    with pytest.raises(TrustError, match="holds serial 1 of nilm"):
        store.champion("anomaly")


def test_an_old_entry_under_a_new_serial_is_refused(store: Store, objects: Objects) -> None:
    old = objects.read("models/nilm/history/0000000001.json").data
    objects.create("models/nilm/history/0000000003.json", old)
    with pytest.raises(TrustError, match="holds serial 1 of nilm"):
        store.champion("nilm")


def test_one_document_cannot_pass_for_another(store: Store, objects: Objects) -> None:
    put(objects, "models/nilm/nilm_v2.json", objects.read("models/nilm/champion.json").data)
    with pytest.raises(TrustError, match=r"champion\+json, not a .*manifest\+json"):
        store.champion("nilm")


def test_a_gap_in_the_history_is_refused(store: Store, root_url: str) -> None:
    publish(store, "nilm", "run3")
    (Path(root_url) / "models/nilm/history/0000000002.json").unlink()
    with pytest.raises(TrustError, match="gap: serial 2 is missing"):
        store.history("nilm")
    (Path(root_url) / "models/nilm/champion.json").unlink()
    with pytest.raises(TrustError, match="gap: serial 2 is missing"):
        store.champion("nilm")


def test_a_history_that_was_cut_is_refused(store: Store, root_url: str) -> None:
    (Path(root_url) / "models/nilm/history/0000000002.json").unlink()
    with pytest.raises(TrustError, match="signed for serial 2, but the history lacks it"):
        store.champion("nilm")
    with pytest.raises(TrustError):
        publish(store, "nilm", "run3")
    (Path(root_url) / "models/nilm/history/0000000001.json").unlink()
    with pytest.raises(TrustError, match="the history lacks it"):
        store.champion("nilm")
