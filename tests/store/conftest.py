"""A root, a clock, and the gateway's pullers, as tests of the store use them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from smartwatts_ml.objects import Objects
from tests.store.helpers import Clock, opened
from tests.store.pull_runners import JavaPuller, compiled


@pytest.fixture
def objects(root_url: str) -> Objects:
    return opened(root_url)


@pytest.fixture
def clock() -> Clock:
    return Clock()


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
