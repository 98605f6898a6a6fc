"""A root that asks for few new readings, and an Airflow of no runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from smartwatts_airflow import trigger as trigger_module

from smartwatts_ml.objects import open_root
from tests.airflow.watcher.looks import (
    POKE,
    THRESHOLD,
    Drop,
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SMARTWATTS_NEW_READINGS", str(THRESHOLD))
    monkeypatch.setenv("SMARTWATTS_POKE_SECONDS", str(POKE))
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    where = str(tmp_path / "root")
    monkeypatch.setenv("SMARTWATTS_ROOT", where)
    return where


@pytest.fixture
def drop(root: str) -> Drop:
    """Puts a file with so many readings of one home into landing/."""

    def put(home: str, rows: int) -> None:
        minutes = (
            f"2026-03-{1 + i // 1440:02d}T{i // 60 % 24:02d}:{i % 60:02d}:00" for i in range(rows)
        )
        lines = [f"{stamp},{100 + len(stamp)},{home}/mains" for stamp in minutes]
        text = "timestamp,consumption,device_id\n" + "\n".join(lines) + "\n"
        open_root(root).write(f"landing/{home}.csv", text.encode())

    return put


@pytest.fixture(autouse=True)
def active_runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many runs of the DAG there are, in its one item: only a triggerer can ask Airflow."""
    runs = [0]
    monkeypatch.setattr(trigger_module, "_active_runs", lambda dag_id: runs[0])
    monkeypatch.setattr(trigger_module, "_SHORTEST_PAUSE", POKE)
    return runs
