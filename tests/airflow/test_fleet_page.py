"""What the page of the fleet shows, without Airflow around it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from smartwatts_airflow.page.fleet import fleet_page

from smartwatts_ml.fleet.beacon import Beacon
from smartwatts_ml.fleet.beacons import BEACONS
from smartwatts_ml.objects import open_root
from smartwatts_ml.records.table import RecordTable
from smartwatts_ml.settings import Settings
from tests.store.helpers import keys_of, new_store, publish

NOW = datetime.now(UTC)


def test_the_page_counts_versions_and_names_no_home(tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    objects, current = open_root(root), Settings(root=root, keys=str(keys_of(tmp_path)))
    assert fleet_page(objects, current)["models"] == []
    publish(new_store(root, tmp_path), "nilm", "one")
    told = [
        (Beacon(f"berlin-{n}", "nilm", 1 + (n > 7), at, loaded=n != 3), at)
        for n in range(10)
        for at in (NOW - timedelta(days=10), NOW - timedelta(hours=5))
    ]
    RecordTable(objects, BEACONS).append({"digest": told}, tmp_path)
    shown = fleet_page(objects, current)
    [nilm] = shown["models"]
    assert nilm["status"].states == {"current": 7, "failed": 1, "unknown": 2}
    assert nilm["versions"] == [(2, 2), (1, 7)] and nilm["most"] == 9
    assert [item["of"].state for item in shown["troubled"]] == ["failed", "unknown", "unknown"]
    assert all(item["called"].startswith("home ") for item in shown["troubled"])
    assert {bar.shade for bar in nilm["bars"]} == {0, 1}
