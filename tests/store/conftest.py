"""The gateway's pullers, as every test of them uses them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.pull_runners import JavaPuller, compiled


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Java program and what tests add to it, compiled without a warning."""
    return compiled(tmp_path_factory.mktemp("classes"))


@pytest.fixture(scope="session")
def java(classes: Path) -> Iterator[JavaPuller]:
    """The Java program, in one process for every pull."""
    puller = JavaPuller(classes)
    yield puller
    puller.stop()
