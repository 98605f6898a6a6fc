"""Both pullers, the Java program and ``smartwatts models pull``, on the same table of cases: each
has to end with the same exit code, and to leave its folder alone where it fails."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.store.pull_cases import cases
from tests.store.pull_lab import Case, Lab
from tests.store.pull_rings import halt, offered
from tests.store.pull_runners import JavaPuller, Puller, arguments, python_puller
from tests.store.tuf_repository import Repository, content

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK on this machine"),
]
EVERY = cases()
SAMPLE = EVERY[::5]


@dataclass(frozen=True)
class Stages:
    """The repository before and after nilm's second version, and the folders of clients."""

    old: Repository
    new: Repository
    candidate: Repository
    folders: dict[str, Path]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    top = tmp_path_factory.mktemp("stages")
    old = Repository.new(top / "old")
    old.publish("nilm", "one")
    old.publish("anomaly", "one")
    new = old.copy(top / "new")
    new.commit("targets")
    new.publish("nilm", "two")
    (top / "root.json").write_bytes(old.trusted_root())
    candidate = new.copy(top / "candidate")
    offered(candidate)
    halted = candidate.copy(top / "halted")
    halt(halted)
    pulled = {"old": old, "new": new, "candidate": candidate, "halted": halted}
    folders = {stage: top / f"pulled-{stage}" for stage in ("", *pulled)}
    folders[""].mkdir()
    for stage, repository in pulled.items():
        words = [
            *arguments(repository.root, top / "root.json", folders[stage]),
            "--gateway",
            "home7",
        ]
        done = python_puller(words, {})
        assert done.code == 0, done.err
    return Stages(old, new, candidate, folders)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _lab(case: Case, stages: Stages, top: Path) -> Lab:
    repository = stages.new.copy(top / "root")
    pinned = top / "root.json"
    pinned.write_bytes(repository.trusted_root())
    folder = top / "folder"
    shutil.copytree(stages.folders[case.before], folder)
    lab = Lab(repository, stages.old, folder, pinned)
    lab.candidate = stages.candidate
    case.change(lab)
    return lab


def _check(case: Case, stages: Stages, top: Path, pullers: dict[str, Puller]) -> None:
    lab = _lab(case, stages, top)
    ended, notes = {}, set()
    for name, puller in pullers.items():
        folder = top / name
        if lab.folder.is_dir():
            shutil.copytree(lab.folder, folder)
        else:
            folder = lab.folder
        before = _files(folder) if folder.is_dir() else {}
        words = [*arguments(lab.repository.root, lab.pinned, folder), *lab.options, *lab.models]
        ended[name] = puller(words, lab.environment)
        assert "Traceback" not in ended[name].err and "Exception" not in ended[name].err
        assert not any(letter < " " and letter != "\n" for letter in ended[name].err)
        if case.text is None and folder.is_dir():
            assert _files(folder) == before, name
        elif case.text is not None:
            assert _files(folder)["nilm.tflite"] == content(case.text), (name, ended[name])
            names = {path.name for path in folder.glob("nilm*")}
            number = {"one": 1, "two": 2, "three": 3}[case.text]
            assert names == {"nilm.tflite", f"nilm_v{number}.tflite", f"nilm_v{number}.json"}
            notes.add((folder / ".smartwatts/nilm.json").read_bytes())
        assert not list(folder.glob(".smartwatts/staged-*")), name
    if case.text is not None:
        (note,) = map(json.loads, notes)
        assert note["ring"] == case.ring
    codes = {name: end.code for name, end in ended.items()}
    assert codes == dict.fromkeys(pullers, case.code), ended


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.name)
def test_both_pullers_end_the_same_way(
    case: Case, stages: Stages, java: JavaPuller, tmp_path: Path
) -> None:
    _check(case, stages, tmp_path, {"java": java, "python": python_puller})


@pytest.mark.full
@pytest.mark.parametrize("case", [c for c in EVERY if c not in SAMPLE], ids=lambda case: case.name)
def test_both_pullers_end_the_same_way_in_every_case(
    case: Case, stages: Stages, java: JavaPuller, tmp_path: Path
) -> None:
    _check(case, stages, tmp_path, {"java": java, "python": python_puller})


def test_the_table_is_long_enough() -> None:
    assert len(EVERY) >= 200
