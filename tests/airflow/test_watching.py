"""The DAG that watches what was published, in Airflow, on a real store and files of beacons."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smartwatts_ml.fleet.beacon import Beacon
from smartwatts_ml.fleet.beacons import BEACONS
from smartwatts_ml.objects import open_root
from smartwatts_ml.records.table import RecordTable
from smartwatts_ml.stages.watch import ACTOR
from smartwatts_ml.store import FirstRing, Store
from tests.airflow.webhook import Webhook, webhook
from tests.store.helpers import Clock, keys_of, new_store, publish
from tests.warm import WarmPython

pytestmark = pytest.mark.slow
NOW = datetime.now(UTC).replace(microsecond=0)
PUBLISHED = NOW - timedelta(days=12)
MODEL = "forecasting_24h"

PLAY = """
import json
from airflow.dag_processing.dagbag import DagBag
from airflow.utils import db
from datetime import datetime, UTC
from smartwatts_airflow.page.fleet import fleet_page
from smartwatts_ml.objects import open_root
from smartwatts_ml.settings import settings
from tests.airflow.conftest import REPOSITORY

db.initdb()
dag = DagBag(str(REPOSITORY / "dags" / "watch_champions.py")).dags["watch_champions"]
played = []
for day in (1, 2):
    run = dag.test(logical_date=datetime(2026, 4, day, tzinfo=UTC))
    states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    [shown] = fleet_page(open_root(settings().root), settings())["models"]
    watched = [[w.version, w.finding, w.done] for w in shown["watched"]]
    played.append({"state": str(run.state), "tasks": states, "shown": watched})
print("PLAYED" + json.dumps(played))
"""


def beacons() -> tuple[list[Beacon], list[Beacon]]:
    """Of 120 homes before the publication, and after it, when half of them run v2, badly."""
    rng = np.random.default_rng(0)
    before: list[Beacon] = []
    after: list[Beacon] = []
    for home in range(120):
        level = float(np.exp(rng.normal(0, 0.5)))
        for day in range(-30, 11):
            new = home < 60 and day >= 1
            error = level * float(np.exp(rng.normal(0, 0.1))) * (1.5 if new else 1.0)
            at = PUBLISHED + timedelta(days=day, hours=1)
            beacon = Beacon(f"g{home}", MODEL, 2 if new else 1, at, error=error, scale=1.0, runs=1)
            (after if day >= 0 else before).append(beacon)
    return before, after


def line(beacon: Beacon) -> str:
    said = asdict(beacon) | {"time": beacon.time.isoformat()}
    return json.dumps({name: value for name, value in said.items() if value == value})


def drop(store: Store, tmp_path: Path) -> None:
    """Homes were heard of before the publication; what they say since lies in a new file."""
    objects = open_root(str(tmp_path / "root"))
    before, after = beacons()
    told = [(beacon, beacon.time + timedelta(minutes=5)) for beacon in before]
    RecordTable(objects, BEACONS).append({"digest": told}, tmp_path)
    objects.write("landing/beacons/new.jsonl", "\n".join(map(line, after)).encode())


def play(warm_airflow: WarmPython, tmp_path: Path, messages: Webhook) -> list[dict[str, Any]]:
    """Two runs of the DAG, a day apart."""
    connection = json.dumps({"conn_type": "http", "host": f"http://{messages[0]}"})
    run = warm_airflow.run(
        PLAY,
        AIRFLOW_CONN_SMARTWATTS_NOTIFY=connection,
        SMARTWATTS_ROOT=str(tmp_path / "root"),
        SMARTWATTS_KEYS=str(keys_of(tmp_path)),
        SMARTWATTS_ROLLOUT_SHARES="50,100",
        SMARTWATTS_ROLLOUT_BY="evidence",
    )
    lines = [each for each in run.stdout.splitlines() if each.startswith("PLAYED")]
    assert lines, run.stdout[-2000:] + run.stderr[-2000:]
    played: list[dict[str, Any]] = json.loads(lines[0].removeprefix("PLAYED"))
    return played


@pytest.mark.parametrize("ring", [None, FirstRing(5000, 400)], ids=["champion", "candidate"])
def test_what_homes_say_takes_a_harmful_version_back_once_and_people_are_told(
    warm_airflow: WarmPython, tmp_path: Path, ring: FirstRing | None
) -> None:
    clock = Clock()
    clock.now = PUBLISHED - timedelta(days=40)
    store = new_store(str(tmp_path / "root"), tmp_path, clock=clock)
    publish(store, MODEL, "one")
    clock.now = PUBLISHED
    publish(store, MODEL, "two", ring=ring)
    drop(store, tmp_path)
    with webhook() as messages:
        played = play(warm_airflow, tmp_path, messages)
        told = [message["title"] for message in messages[1]]
    assert [run["state"] for run in played] == ["success", "success"], played
    assert played[0]["tasks"]["take_back"] == "success"
    assert played[0]["tasks"]["retrain"] == "skipped"

    action, words = ("halt", "taken back from gateways") if ring else ("rollback", "rolled back")
    history = store.history(MODEL)
    changes = [entry.action for entry in history if entry.actor == ACTOR]
    assert changes == [action]
    champion = store.champion(MODEL)
    assert champion and champion.version == 1
    assert "in 60 homes errors are +" in history[-1].reason
    assert [title for title in told if words in title] == [
        f"SmartWatts {MODEL}: v{1 + bool(ring)} {words}"
    ]
    done = "v2 is taken back from all gateways" if ring else "v1 is in force again"
    [said] = [
        said for version, found, said in played[0]["shown"] if (version, found) == (2, "back")
    ]
    assert said.startswith(done)
