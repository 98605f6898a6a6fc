"""Many publishing processes at once: nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from smartwatts_ml.objects import open_root
from smartwatts_ml.store import Store
from tests.ministack import Ministack
from tests.store.helpers import content, keys_of

REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def race(url: str, tmp_path: Path, processes: int, each: int) -> None:
    keys = str(keys_of(tmp_path))
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.store.racers", url, keys, f"p{n}", str(each)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(processes)
    ]
    got = [json.loads(process.communicate(timeout=500)[0]) for process in started]
    total = processes * each
    store = Store(open_root(url), keys_of(tmp_path))
    chain = store.history("nilm")
    versions = sorted(version for versions in got for version in versions)
    serials = [entry.serial for entry in chain]
    print(  # noqa: T201
        f"\n{processes} processes x {each}: {len(set(versions))} versions, {len(serials)} serials"
        f" {serials[0]}..{serials[-1]}, pointer at {store.pointer('nilm').serial}"
    )
    assert versions == list(range(1, total + 1))
    assert serials == list(range(1, total + 1))
    assert sorted(entry.version for entry in chain) == versions
    assert len({entry.run_id for entry in chain}) == total
    assert store.pointer("nilm").serial == total
    assert store.verify("nilm").findings == ()
    for entry in chain:
        assert store.manifest("nilm", entry.version).run_id == entry.run_id
    champion = store.champion("nilm")
    assert champion is not None
    assert store.read_file(champion.manifest) == content(chain[-1].run_id)


@pytest.fixture(params=["directory", "ministack"])
def root_url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A fresh root; on S3 one whose server is a process of its own."""
    if request.param == "directory":
        return str(tmp_path / "root")
    ministack: Ministack = request.getfixturevalue("ministack")
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{ministack.new_bucket()}/prefix"


def test_a_few_processes_at_once_lose_nothing(root_url: str, tmp_path: Path) -> None:
    race(root_url, tmp_path, processes=4, each=3)


@pytest.mark.full
def test_twenty_processes_at_once_lose_nothing(root_url: str, tmp_path: Path) -> None:
    race(root_url, tmp_path, processes=20, each=5)
