"""The gateway's puller, in Java: takes what verifies, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.store import KeyFolder, Store
from smartwatts_ml.store.canonical import canonical_json
from smartwatts_ml.store.keys import public_pem
from smartwatts_ml.store.signing import seal
from tests.store.helpers import Clock, content, keys_of, opened, publish

SOURCE = Path(__file__).parents[2] / "gateway" / "SmartWattsPull.java"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK on this machine"),
]

Pull = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def store(root: Path, tmp_path: Path) -> Store:
    """Two versions of nilm; the public key in ``key.pub``."""
    store = Store(opened(str(root)), keys_of(tmp_path))
    publish(store, "nilm", "run1")
    publish(store, "nilm", "run2")
    signing = store.keys.signing_key()
    (tmp_path / "key.pub").write_bytes(public_pem(signing.key.public_key()))
    return store


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "a" / "assets"


@pytest.fixture
def pull(classes: Path, root: Path, tmp_path: Path, out: Path, store: Store) -> Pull:
    def run(*models: str, url: str | None = None, key: str = "key.pub") -> Any:
        command = ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", str(classes)]
        command += ["SmartWattsPull", "--root", url or str(root), "--key", str(tmp_path / key)]
        command += ["--to", str(out), *(models or ("nilm",))]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture
def served(root: Path, web_server: Callable[[Path], str]) -> str:
    """The root over http."""
    return web_server(root)


def with_payload(envelope: bytes, **changes: Any) -> bytes:
    value = json.loads(envelope)
    payload = json.loads(b64decode(value["payload"])) | changes
    value["payload"] = b64encode(canonical_json(payload)).decode()
    return canonical_json(value)


def refused(result: Any, why: str, out: Path) -> None:
    """Exit code 4, one line that says why, and nothing written."""
    assert result.returncode == 4, result.stderr
    assert why in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not out.exists() or not list(out.glob("*.tflite"))


def test_the_champion_is_pulled_once_and_again_after_a_rollback(
    pull: Pull, store: Store, root: Path, out: Path
) -> None:
    result = pull()
    assert (result.returncode, result.stderr) == (0, "")
    assert "nilm v2 updated" in result.stdout
    assert (out / "nilm.tflite").read_bytes() == content("run2")
    assert (out / "nilm_v2.tflite").read_bytes() == content("run2")
    assert (out / "nilm_v2.json").read_bytes() == (root / "models/nilm/nilm_v2.json").read_bytes()
    assert (out / "nilm.serial").read_text() == "2\n"
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert "nilm v2 up to date" in pull().stdout
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before
    store.rollback("nilm", 1, "bob", "why")
    assert "nilm v1 updated" in pull().stdout
    assert (out / "nilm.tflite").read_bytes() == content("run1")
    assert (out / "nilm.serial").read_text() == "3\n"


def test_both_pullers_agree_about_a_folder(pull: Pull, store: Store, out: Path) -> None:
    assert store.pull("nilm", out).updated
    assert "up to date" in pull().stdout
    shutil.rmtree(out)
    assert "updated" in pull().stdout
    assert not store.pull("nilm", out).updated


def test_models_are_pulled_over_http(pull: Pull, store: Store, served: str, out: Path) -> None:
    publish(store, "anomaly", "run1")
    result = pull("nilm", "anomaly", url=served)
    assert result.returncode == 0, result.stderr
    assert (out / "nilm.tflite").read_bytes() == content("run2")
    assert (out / "anomaly.tflite").read_bytes() == content("run1")
    refused(pull("forecasting_7d", url=served), "answers 404", out / "none")
    refused(pull(url="http://127.0.0.1:9"), "cannot reach http://127.0.0.1:9/", out / "none")


def test_a_damaged_folder_is_repaired(pull: Pull, out: Path) -> None:
    pull()
    (out / "nilm.tflite").write_bytes(b"x")
    assert "updated" in pull().stdout
    assert (out / "nilm.tflite").read_bytes() == content("run2")


def test_a_tampered_file_is_refused(pull: Pull, root: Path, out: Path) -> None:
    path = root / "models/nilm/nilm_v2.tflite"
    path.write_bytes(b"x" + path.read_bytes()[1:])
    refused(pull(), "not the file that was signed", out)
    path.write_bytes(path.read_bytes() + b"more")
    refused(pull(), "is larger than", out)


@pytest.mark.parametrize("name", ["champion.json", "nilm_v2.json"])
def test_a_tampered_document_is_refused(pull: Pull, root: Path, out: Path, name: str) -> None:
    path = root / "models/nilm" / name
    path.write_bytes(with_payload(path.read_bytes(), version=1, file="nilm_v1.tflite"))
    refused(pull(), "not signed by a pinned key", out)


def test_one_document_cannot_pass_for_another(pull: Pull, root: Path, out: Path) -> None:
    folder = root / "models/nilm"
    (folder / "champion.json").write_bytes((folder / "nilm_v2.json").read_bytes())
    refused(pull(), "not a application/vnd.smartwatts.champion+json", out)


def test_another_models_documents_are_refused(
    pull: Pull, store: Store, root: Path, out: Path
) -> None:
    publish(store, "anomaly", "run1")
    models = root / "models"
    (models / "nilm/champion.json").write_bytes((models / "anomaly/champion.json").read_bytes())
    refused(pull(), "is of anomaly v1", out)


def test_an_older_manifest_is_refused(pull: Pull, root: Path, out: Path) -> None:
    folder = root / "models/nilm"
    (folder / "nilm_v2.json").write_bytes((folder / "nilm_v1.json").read_bytes())
    refused(pull(), "does not describe what the pointer points to", out)


def test_a_key_that_is_not_pinned_is_refused(pull: Pull, tmp_path: Path, out: Path) -> None:
    stranger = KeyFolder(tmp_path / "strange")
    keyid = stranger.generate()
    shutil.copy(tmp_path / f"strange/trusted/{keyid}.pub", tmp_path / "other.pub")
    refused(pull(key="other.pub"), "not signed by a pinned key", out)
    (tmp_path / "bad.pub").write_text("nonsense")
    refused(pull(key="bad.pub"), "not an Ed25519 public key", out)
    refused(pull(key="none.pub"), "no key", out)


def test_an_expired_pointer_is_refused(
    pull: Pull, root: Path, store: Store, tmp_path: Path, out: Path
) -> None:
    clock = Clock()
    clock.now = datetime(2020, 1, 1, tzinfo=UTC)
    Store(opened(str(root)), keys_of(tmp_path), clock=clock).resign("nilm")
    refused(pull(), "expired 2020-01-31T00:00:00Z", out)
    store.resign("nilm")
    assert pull().returncode == 0


def test_a_store_that_was_turned_back_is_refused(
    pull: Pull, root: Path, store: Store, out: Path
) -> None:
    pointer = root / "models/nilm/champion.json"
    old = pointer.read_bytes()
    publish(store, "nilm", "run3")
    assert pull().returncode == 0
    pointer.write_bytes(old)
    result = pull()
    assert result.returncode == 4
    assert "offers serial 2 of nilm, but 3 was pulled here before" in result.stderr
    assert (out / "nilm.tflite").read_bytes() == content("run3")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"payload":1}',
        b'{"a":1,"a":2}',
        b"[" * 5000,
        b"{} x",
        b'"\\u12',
    ],
)
def test_what_is_no_envelope_is_refused(pull: Pull, root: Path, out: Path, data: bytes) -> None:
    (root / "models/nilm/champion.json").write_bytes(data)
    result = pull()
    assert result.returncode == 4
    assert "Exception" not in result.stderr
    assert not out.exists()


def test_a_name_twice_is_refused_even_where_it_was_null(pull: Pull, root: Path, out: Path) -> None:
    path = root / "models/nilm/champion.json"
    path.write_bytes(b'{"payload":null,' + path.read_bytes()[1:])
    refused(pull(), "champion.json", out)


def test_a_signed_pointer_cannot_name_a_file_elsewhere(
    pull: Pull, root: Path, store: Store, out: Path
) -> None:
    fields = store.pointer("nilm").to_json() | {"file": "../../../evil.tflite"}
    kind = "application/vnd.smartwatts.champion+json"
    sealed = seal(canonical_json(fields), kind, store.keys.signing_keys())
    (root / "models/nilm/champion.json").write_bytes(sealed)
    refused(pull(), "champion.json is of nilm v2", out)


@pytest.mark.parametrize("arguments", [[], ["--root", "x"], ["--what"], ["../nilm"]])
def test_wrong_use_is_explained(classes: Path, arguments: list[str]) -> None:
    command = ["java", "-cp", str(classes), "SmartWattsPull", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    assert "usage: java SmartWattsPull.java" in result.stderr


def test_the_source_runs_without_compiling(store: Store, root: Path, tmp_path: Path) -> None:
    command = ["java", str(SOURCE), "--root", root.as_uri(), "--key", str(tmp_path / "key.pub")]
    command += ["--to", str(tmp_path / "out"), "nilm"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "nilm v2 updated" in result.stdout, result.stderr
