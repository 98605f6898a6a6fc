"""The gateway's puller, as every test of it uses it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "gateway" / "SmartWattsPull.java"


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Java program, compiled without a warning."""
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(
        ["javac", "-Xlint:all", "-Werror", "-d", folder, SOURCE], check=True, timeout=120
    )
    return folder
