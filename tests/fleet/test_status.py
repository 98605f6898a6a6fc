"""Which versions run where, who is behind, who is silent, who failed to load."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.fleet.beacons import existing_beacons, take_beacons
from smartwatts_ml.fleet.status import Served, fleet_status, heard_by_week
from smartwatts_ml.objects import open_root
from smartwatts_ml.settings import Settings
from tests.fleet.test_beacons import NOW, beacon, text

FLEET = [
    *(beacon(f"new{n}", 20, version=4, runtime="litert 1.4", latency_ms=2) for n in range(5)),
    *(beacon(f"new{n}", 44, version=3) for n in range(5)),
    beacon("old", 10, version=3),
    beacon("broken", 10, version=3),
    beacon("broken", 9, version=4, loaded=False, trouble="no op", runs=0, failures=3),
    beacon("mended", 30, version=4, loaded=False),
    beacon("mended", 9, version=4),
    beacon("odd", 9, version=77),
]


def test_each_gateway_is_counted_once_by_what_it_said_last(tmp_path: Path) -> None:
    root = open_root(str(tmp_path))
    root.write("landing/beacons/a.jsonl", text(*FLEET))
    take_beacons(root)
    table = existing_beacons(root)
    assert table
    since = datetime.now(UTC) - timedelta(days=30)
    served = {"nilm": Served(4, since, published=frozenset({3, 4})), "anomaly": Served(1, since)}
    other, nilm = fleet_status(table, served, Settings(), datetime.now(UTC))
    assert (other.model, other.gateways) == ("anomaly", ())
    assert nilm.states == {"current": 6, "behind": 1, "failed": 1, "unknown": 1}
    assert nilm.versions == {77: 1, 4: 6, 3: 2}
    broken = next(g for g in nilm.gateways if g.gateway == "broken")
    assert (broken.version, broken.failing, broken.trouble) == (3, 4, "no op")
    later = datetime.now(UTC) + timedelta(days=4)
    silent = fleet_status(table, served, Settings(), later)[1]
    assert silent.states == {"silent": 9} and not silent.versions
    weeks = heard_by_week(table, 2, NOW + timedelta(minutes=10))["nilm"]
    assert weeks[4] == [0, 6]


def test_who_may_run_the_candidate_or_had_no_time_yet_is_not_behind(tmp_path: Path) -> None:
    root = open_root(str(tmp_path))
    root.write("landing/beacons/a.jsonl", text(beacon("a", 2, version=3), beacon("b", 2)))
    take_beacons(root)
    table = existing_beacons(root)
    assert table
    now = datetime.now(UTC)
    known = frozenset({3, 4})
    young = Served(4, now - timedelta(days=1), published=known)
    beside = Served(4, now - timedelta(days=30), beside=frozenset({3}), published=known)
    for served in (young, beside):
        [nilm] = fleet_status(table, {"nilm": served}, Settings(), now)
        assert nilm.states == {"current": 2}


def test_the_command_takes_beacons_and_shows_the_fleet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    root = str(tmp_path / "root")
    none = CliRunner().invoke(app, ["fleet", "--root", root])
    assert none.exit_code == 0 and "no beacon yet" in none.output
    open_root(root).write("landing/beacons/a.jsonl", text(*FLEET))
    taken = CliRunner().invoke(app, ["ingest", "--root", root, "--json"])
    assert taken.exit_code == 0
    assert json.loads(taken.stdout)["beacons"]["accepted"] == len(FLEET)
    shown = CliRunner().invoke(app, ["fleet", "--root", root, "--state", "failed"])
    assert "v4 did not load: no op" in shown.output
    told = CliRunner().invoke(app, ["fleet", "--root", root, "--model", "nilm", "--json"])
    [nilm] = json.loads(told.stdout)
    assert nilm["versions"] == {"3": 2, "4": 6, "77": 1} and len(nilm["gateways"]) == 9
