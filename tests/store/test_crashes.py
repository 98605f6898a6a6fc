"""Real processes, killed at every step: the store reads as before or as after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ministack import Ministack

REPOSITORY = Path(__file__).parents[2]
CASES = {"directory": 95, "moto": 72, "ministack": 72}
"""What the full matrix has; fewer would mean that steps are not seen any more."""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Root:
    """A fresh root's address, and the environment that reaches it."""

    server: str
    url: str
    environment: dict[str, str]


@pytest.fixture(params=list(CASES))
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Root:
    if request.param == "directory":
        return Root("directory", str(tmp_path / "root"), {})
    if request.param == "moto":
        return Root("moto", request.getfixturevalue("s3_root"), {})
    ministack: Ministack = request.getfixturevalue("ministack")
    url = f"s3://{ministack.new_bucket()}/prefix"
    return Root("ministack", url, ministack.environment())


def played(module: str, root: Root, *arguments: object) -> Any:
    """What a process of its own found at a root."""
    run = subprocess.run(
        [sys.executable, "-m", module, root.url, *map(str, arguments)],
        cwd=REPOSITORY,
        env=os.environ | root.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=3600,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def play(root: Root, tmp_path: Path, stride: int) -> int:
    """The number of cases tried; each of them left a good state."""
    results: dict[str, dict[str, Any]] = played(
        "tests.store.crashes", root, tmp_path / "keys", stride
    )
    cases = {change: result["cases"] for change, result in results.items()}
    bad = {change: result["bad"] for change, result in results.items() if result["bad"]}
    each = ", ".join(f"{change} {count}" for change, count in cases.items())
    total = sum(cases.values())
    print(f"\n{root.server}: {total} kills ({each}), {sum(map(len, bad.values()))} bad states")  # noqa: T201
    assert bad == {}
    assert min(cases.values()) > 0
    return total


def test_a_sample_of_kills_leaves_no_bad_state(root: Root, tmp_path: Path) -> None:
    assert play(root, tmp_path, stride=18) > CASES[root.server] / 24


@pytest.mark.full
@pytest.mark.timeout(3700)
def test_no_kill_at_any_step_leaves_a_bad_state(root: Root, tmp_path: Path) -> None:
    assert play(root, tmp_path, stride=1) >= CASES[root.server]
