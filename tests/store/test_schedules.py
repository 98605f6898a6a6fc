"""Random schedules of processes that are killed and cut off lose no commit and make no gap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.proxy import FAULTS
from tests.store.test_crashes import Root, played, root

__all__ = ["root"]

FULL = {"directory": 140, "moto": 80, "ministack": 80}
"""Together 300."""
SEED = 2026

pytestmark = pytest.mark.slow


def play(root: Root, tmp_path: Path, count: int, seed: int) -> dict[str, Any]:
    tally: dict[str, Any] = played("tests.store.schedules", root, tmp_path / "keys", count, seed)
    faults = sum(tally["faults"].values())
    each = ", ".join(f"{name} {count}" for name, count in sorted(tally["faults"].items()))
    print(  # noqa: T201
        f"\n{root.server}: {tally['schedules']} schedules, {tally['kills']} kills,"
        f" {faults} faults ({each}), {tally['commits']} commits, lost {len(tally['lost'])},"
        f" gaps {len(tally['gaps'])}, red {len(tally['red'])}"
    )
    assert (tally["lost"], tally["gaps"], tally["red"], tally["odd"]) == ([], [], [], [])
    assert tally["schedules"] == count
    return tally


def test_a_few_random_schedules_lose_nothing(root: Root, tmp_path: Path) -> None:
    tally = play(root, tmp_path, count=4, seed=SEED)
    assert sum(tally["faults"].values()) + tally["kills"] > 0


@pytest.mark.full
@pytest.mark.timeout(2000)
def test_three_hundred_random_schedules_lose_nothing(root: Root, tmp_path: Path) -> None:
    tally = play(root, tmp_path, count=FULL[root.server], seed=SEED + 1000)
    faults = sum(tally["faults"].values())
    assert min(faults, tally["kills"], tally["commits"]) > FULL[root.server] / 4
    kinds = len(FAULTS) if root.url.startswith("s3://") else 4
    assert len(tally["faults"]) == kinds
