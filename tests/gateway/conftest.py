"""The library of gateway/runtime, compiled once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.gateway.files import EXAMPLES, LIBRARY, compile_java


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its classes."""
    if shutil.which("javac") is None:
        pytest.skip("no JDK on this machine")
    folder = tmp_path_factory.mktemp("library")
    compile_java(folder, *sorted(LIBRARY.rglob("*.java")))
    return folder


@pytest.fixture(scope="session")
def replay(library: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The class path of ``Replay``."""
    folder = tmp_path_factory.mktemp("replay")
    sources = (Path(__file__).with_name("Replay.java"), EXAMPLES / "PythonModel.java")
    compile_java(folder, *sources, classes=library)
    return f"{folder}:{library}"
