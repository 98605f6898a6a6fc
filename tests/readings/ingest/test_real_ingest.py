"""Public readings in full: what stats says is what an independent count of the files says."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app

DATA = Path(__file__).parents[4] / "shared" / "data"
FOLDERS = ("nilm_refit2", "load_ukdale1")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no public readings in {DATA.name}/"),
]


def counted(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows, first and last stamp of each device, line by line."""
    found: dict[tuple[str, str], dict[str, Any]] = defaultdict(lambda: {"rows": 0})
    for path in sorted(folder.glob("*.csv.gz")):
        with gzip.open(path, "rt", newline="") as lines:
            rows = csv.reader(lines)
            assert next(rows) == ["timestamp", "consumption", "device_id"]
            for stamp, _, device in rows:
                site, _, channel = device.partition("/")
                mine = found[site, channel or "mains"]
                mine["rows"] += 1
                mine["first"] = min(mine.get("first", stamp), stamp)
                mine["last"] = max(mine.get("last", stamp), stamp)
    return found


def test_stats_of_public_readings_are_those_of_an_independent_count(tmp_path: Path) -> None:
    landing = tmp_path / "root" / "landing"
    landing.mkdir(parents=True)
    expected: dict[tuple[str, str], dict[str, Any]] = {}
    for name in FOLDERS:
        (landing / name).symlink_to(DATA / name)
        expected |= counted(DATA / name)
    root = ["--root", str(tmp_path / "root")]
    done = CliRunner().invoke(app, ["ingest", "--json", *root])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    for file in report["files"]:
        parts = ("header", "blank", "accepted", "duplicate", "rejected")
        assert sum(file[part] for part in parts) == file["lines"], file
    told = json.loads(CliRunner().invoke(app, ["readings", "stats", "--json", *root]).stdout)
    assert told["snapshot"]["rows"] == sum(mine["rows"] for mine in expected.values())
    found = {(device["site"], device["channel"]): device for device in told["devices"]}
    assert found.keys() == expected.keys()
    for pair, mine in expected.items():
        device = found[pair]
        assert device["rows"] == mine["rows"]
        assert device["start"] == f"{mine['first'].replace(' ', 'T')}Z"
        start, last = (datetime.fromisoformat(mine[key]) for key in ("first", "last"))
        minutes = (last - start).total_seconds() / 60 + 1
        assert device["native_s"] == 60
        assert device["coverage"] == pytest.approx(mine["rows"] / minutes, abs=1e-6)
    again = CliRunner().invoke(app, ["ingest", "--json", *root])
    assert json.loads(again.stdout)["accepted"] == 0
