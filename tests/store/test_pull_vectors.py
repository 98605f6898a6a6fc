"""Both pullers run golden vectors, where asked to, before files take their names."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from smartwatts_ml.modelfiles.golden import needs_of
from smartwatts_ml.store import Store
from tests.modelfiles.litert_files import NEG, SQUARE, kettle_file
from tests.store.helpers import FIELDS, new_store
from tests.store.pull_runners import JavaPuller, Puller, arguments, python_puller

pytestmark = pytest.mark.slow
SERVER = Path(__file__).parents[2] / "gateway" / "examples" / "model_server.py"


def publish(store: Store, run_id: str, content: bytes, vectors: bool = True) -> None:
    runtime = asdict(needs_of(kettle_file())) if vectors else None
    fields = FIELDS | {"runtime": runtime}
    store.publish("nilm", content, fields, run_id=run_id, actor="ann", reason="better")


@pytest.fixture(params=["python", "java"])
def puller(request: pytest.FixtureRequest) -> tuple[Puller, list[str]]:
    """A puller, and the words by which it runs vectors."""
    if request.param == "python":
        return python_puller, ["--verify"]
    java: JavaPuller = request.getfixturevalue("java")
    return java, ["--vectors", f"{sys.executable} {SERVER}"]


def test_a_file_that_computes_something_else_is_not_pulled(
    puller: tuple[Puller, list[str]], tmp_path: Path
) -> None:
    pull, verified = puller
    store = new_store(str(tmp_path / "root"), tmp_path)
    pinned, folder = tmp_path / "root.json", tmp_path / "models"
    trusted = store.keys.trusted_root()
    assert trusted is not None
    pinned.write_bytes(trusted.data)
    words = arguments(tmp_path / "root", pinned, folder)

    publish(store, "run1", kettle_file())
    done = pull([*words, *verified], {})
    assert (done.code, "nilm v1 updated" in done.out) == (0, True), done.err
    done = pull([*words, *verified], {})
    assert (done.code, "nilm v1 up to date" in done.out) == (0, True), done.err

    publish(store, "run2", kettle_file(NEG))
    done = pull([*words, *verified], {})
    assert done.code == 4
    assert "nilm v2 computes" in done.err and "power_w" in done.err
    assert (folder / "nilm.tflite").read_bytes() == kettle_file()
    assert not (folder / "nilm_v2.tflite").exists()
    assert pull(words, {}).code == 0

    publish(store, "run3", kettle_file(SQUARE), vectors=False)
    done = pull([*words, *verified], {})
    assert (done.code, "nilm v3 has no golden vectors" in done.err) == (4, True)


def test_a_program_that_is_not_there_or_ends_is_told(java: JavaPuller, tmp_path: Path) -> None:
    store = new_store(str(tmp_path / "root"), tmp_path)
    publish(store, "run1", kettle_file())
    pinned = tmp_path / "root.json"
    trusted = store.keys.trusted_root()
    assert trusted is not None
    pinned.write_bytes(trusted.data)
    words = arguments(tmp_path / "root", pinned, tmp_path / "models")
    for program, code in (("/no/such/program", 2), ("true", 4), ("", 2)):
        done = java([*words, "--vectors", program], {})
        assert done.code == code, done.err
    assert not list((tmp_path / "models").glob("*.tflite"))
