"""Both pullers, the Java program and ``smartwatts models pull``, on the same table of cases: each
has to end with the same exit code, and to leave its folder alone where it fails."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import SmartwattsError
from tests.store.pull_cases import Case, Lab, cases
from tests.store.tuf_repository import Repository, content

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK on this machine"),
]
JAVA_SOURCES = (
    Path(__file__).parents[2] / "gateway" / "SmartWattsPull.java",
    Path(__file__).parent / "pullers" / "Pulls.java",
)
EVERY = cases()
SAMPLE = EVERY[::5]


@dataclass
class Ended:
    """How a pull ended."""

    code: int
    out: str
    err: str


class JavaPuller:
    """The Java program, in one process for every pull."""

    def __init__(self, classes: Path) -> None:
        command = ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        command += ["-XX:-UsePerfData", "-Xmx256m", "-cp", str(classes), "Pulls"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, arguments: Sequence[str], environment: dict[str, str]) -> Ended:
        words = [f"{name}={value}" for name, value in environment.items()]
        words += ["--", *arguments]
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(" ".join(b64encode(w.encode()).decode() for w in words) + "\n")
        self._process.stdin.flush()
        code, out, err = self._process.stdout.readline().rstrip("\n").split(" ")
        return Ended(int(code), b64decode(out).decode(), b64decode(err).decode())

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def python_puller(arguments: Sequence[str], environment: dict[str, str]) -> Ended:
    """The command, in this process."""
    done = CliRunner().invoke(app, ["models", "pull", *arguments], env=environment)
    if isinstance(done.exception, SmartwattsError):
        return Ended(done.exception.exit_code, done.stdout, done.stderr + str(done.exception))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ended(done.exit_code, done.stdout, done.stderr)


Puller = Callable[[Sequence[str], dict[str, str]], Ended]


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JavaPuller]:
    classes = tmp_path_factory.mktemp("pulls")
    command = ["javac", "-Xlint:all", "-Werror", "-d", str(classes), *map(str, JAVA_SOURCES)]
    subprocess.run(command, check=True, timeout=120)
    puller = JavaPuller(classes)
    yield puller
    puller.stop()


@dataclass(frozen=True)
class Stages:
    """The repository before and after nilm's second version, and the folders of clients."""

    old: Repository
    new: Repository
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
    folders = {"": top / "nothing", "old": top / "pulled-old", "new": top / "pulled-new"}
    folders[""].mkdir()
    for stage, repository in (("old", old), ("new", new)):
        done = python_puller(_arguments(repository.root, top / "root.json", folders[stage]), {})
        assert done.code == 0, done.err
    return Stages(old, new, folders)


def _arguments(root: Path, pinned: Path, folder: Path) -> list[str]:
    return ["--root", str(root), "--trusted-root", str(pinned), "--to", str(folder)]


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _lab(case: Case, stages: Stages, top: Path) -> Lab:
    repository = stages.new.copy(top / "root")
    pinned = top / "root.json"
    pinned.write_bytes(repository.trusted_root())
    folder = top / "folder"
    shutil.copytree(stages.folders[case.before], folder)
    lab = Lab(repository, stages.old, folder, pinned)
    case.change(lab)
    return lab


def _check(case: Case, stages: Stages, top: Path, pullers: dict[str, Puller]) -> None:
    lab = _lab(case, stages, top)
    ended = {}
    for name, puller in pullers.items():
        folder = top / name
        if lab.folder.is_dir():
            shutil.copytree(lab.folder, folder)
        else:
            folder = lab.folder
        before = _files(folder) if folder.is_dir() else {}
        arguments = _arguments(lab.repository.root, lab.pinned, folder)
        ended[name] = puller([*arguments, *lab.options, *lab.models], lab.environment)
        assert "Traceback" not in ended[name].err and "Exception" not in ended[name].err
        assert not any(letter < " " and letter != "\n" for letter in ended[name].err)
        if case.text is None and folder.is_dir():
            assert _files(folder) == before, name
        elif case.text is not None:
            assert _files(folder)["nilm.tflite"] == content(case.text), (name, ended[name])
            names = {path.name for path in folder.glob("nilm*")}
            number = {"one": 1, "two": 2}[case.text]
            assert names == {"nilm.tflite", f"nilm_v{number}.tflite", f"nilm_v{number}.json"}
        assert not list(folder.glob(".smartwatts/staged-*")), name
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
