"""Both pullers, as tests run them: the Java program in one process for every pull, and the command
``smartwatts models pull`` in this one."""

from __future__ import annotations

import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import SmartwattsError

__all__ = ["Ended", "JavaPuller", "Puller", "arguments", "compiled", "python_puller"]

SOURCES = (
    Path(__file__).parents[2] / "gateway" / "SmartWattsPull.java",
    *sorted((Path(__file__).parent / "pullers").glob("*.java")),
)
JVM = ("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData")


@dataclass
class Ended:
    """How a pull ended."""

    code: int
    out: str
    err: str


Puller = Callable[[Sequence[str], Mapping[str, str]], Ended]
"""Takes arguments and variables of the environment."""


def compiled(folder: Path) -> Path:
    """The Java program and what tests add to it, compiled without a warning."""
    command = ["javac", "-Xlint:all", "-Werror", "-d", str(folder), *map(str, SOURCES)]
    subprocess.run(command, check=True, timeout=120)
    return folder


class JavaPuller:
    """The Java program; servers are given less time than in earnest."""

    def __init__(self, classes: Path, *options: str) -> None:
        self._process = subprocess.Popen(
            [*JVM, "-Xmx256m", *options, "-cp", str(classes), "Pulls"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, words: Sequence[str], environment: Mapping[str, str]) -> Ended:
        line = [f"{name}={value}" for name, value in environment.items()] + ["--", *words]
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(" ".join(b64encode(w.encode()).decode() for w in line) + "\n")
        self._process.stdin.flush()
        code, out, err = self._process.stdout.readline().rstrip("\n").split(" ")
        return Ended(int(code), b64decode(out).decode(), b64decode(err).decode())

    def stop(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def python_puller(words: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """The command, in this process."""
    done = CliRunner().invoke(app, ["models", "pull", *words], env=environment)
    if isinstance(done.exception, SmartwattsError):
        return Ended(done.exception.exit_code, done.stdout, done.stderr + str(done.exception))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ended(done.exit_code, done.stdout, done.stderr)


def arguments(root: Path | str, pinned: Path, folder: Path) -> list[str]:
    """What both take."""
    return ["--root", str(root), "--trusted-root", str(pinned), "--to", str(folder)]
