"""The real stack through the same scripts as ``make run``: a tiny root, one epoch.

Three homes over three weeks are enough for nilm and a day's forecast; the other models find
too little to train on, which is a decision too. The tests share one stack, in their order.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from smartwatts_airflow.placement import TRAINING_POOL

from scripts.airflow_api import Airflow, AirflowError
from scripts.session import Record, members
from scripts.stack import Stack
from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import open_root
from smartwatts_ml.runs.state import ModelState, read_state
from smartwatts_ml.simulate import simulate
from smartwatts_ml.store import Store
from tests.airflow.browser import logged_in, models_frame, roll_back
from tests.airflow.local import NEW, QUICK, WEEKLY, Local, eventually, map_names, run_script

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

THRESHOLD = 12_000
"""A simulated day of two of the homes has some 8,400 readings."""
SIZE = ["--homes", "3", "--days", "21", "--submetered", "3", "--epochs", "3"]
MANIFEST_FIELDS = (
    "code",
    "snapshot",
    "inputs",
    "outputs",
    "metrics",
    "decision",
    "quantization",
)
BY_HAND = "test"
"""The actor of what was published past Airflow, which is no event."""
TOLD = {"promote": "published", "rollback": "rolled back"}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    folder = tmp_path_factory.mktemp("local")
    stack = Stack(folder, str(folder / "root"))
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SMARTWATTS_")
    } | {
        "SMARTWATTS_ROOT": stack.root,
        "SMARTWATTS_NEW_READINGS": str(THRESHOLD),
        **QUICK,
    }
    try:
        yield Local(stack, environment, run_script("run", stack, environment, *SIZE))
    finally:
        run_script("stop", stack, environment)


@dataclass(frozen=True)
class Seen:
    """What is there: the stack, files that landed, the last decision on nilm."""

    record: Record | None
    landed: list[str]
    nilm: ModelState | None

    @classmethod
    def now(cls, local: Local) -> Seen:
        objects = open_root(local.stack.root)
        landed = [info.key for info in objects.list("landing/")]
        return cls(local.stack.running(), landed, read_state(objects, "nilm"))


@dataclass(frozen=True)
class Second:
    """A ``make run`` while a dry run by hand has not ended: it follows that one."""

    dry_run: str
    made: subprocess.CompletedProcess[str]
    before: Seen
    after: Seen


@pytest.fixture(scope="module")
def second(local: Local) -> Second:
    """The dry run waits in the pool, which has no slot until ``make run`` gives it some."""
    before = Seen.now(local)
    local.airflow.set_pool(TRAINING_POOL, 0, "closed until the next make run")
    form = {"models": ["nilm"], "epochs": 1, "dry_run": True}
    run_id = local.airflow.trigger(WEEKLY, form)["dag_run_id"]
    return Second(run_id, local.script("run", *SIZE), before, Seen.now(local))


@pytest.fixture(scope="module")
def drop(local: Local) -> Callable[[date, int], None]:
    """Simulated days of two of the homes, as new files below landing/; again, the same ones."""

    def put(start: date, days: int) -> None:
        simulate(
            2, days, Path(local.stack.root) / "landing" / str(start), submetered=1, start=start
        )

    return put


def test_make_run_ends_with_decisions_and_the_login(local: Local) -> None:
    said = local.first.stdout
    assert local.first.returncode == 0, said + local.first.stderr
    assert f"{WEEKLY}: success" in said
    assert local.stack.password() in said
    for model in model_names():
        assert model in said
    assert f"{local.stack.root}/models/nilm/nilm_v1.tflite" in said


def test_every_model_is_decided_and_its_branch_says_how(local: Local) -> None:
    run_id = local.airflow.runs(WEEKLY)[0]["dag_run_id"]
    names = map_names(local, WEEKLY, run_id)
    for model in model_names():
        state = read_state(open_root(local.stack.root), model)
        assert state is not None and state.rows > 0
    assert names["model.publish nilm"].startswith("nilm v1 published: accepted: ")
    assert names["model.train forecasting_30d"].startswith("forecasting_30d kept: ")
    states = {
        t["task_id"]: t["state"]
        for t in local.airflow.tasks(WEEKLY, run_id)
        if t["rendered_map_index"] == names["model.train forecasting_30d"]
    }
    # The task that records a rejection says so too.
    assert states == {"model.train": "skipped", "model.publish": "skipped"}


def test_it_listens_on_loopback_alone_and_lets_nobody_in_without_a_login(local: Local) -> None:
    record = local.stack.running()
    assert record is not None
    listening = set()
    for process in members(record):
        with contextlib.suppress(psutil.NoSuchProcess):  # one that ends by now listens to nobody
            connections = process.net_connections("inet")
            listening |= {c.laddr for c in connections if c.status == psutil.CONN_LISTEN}
    assert {(address.ip, address.port) for address in listening} == {("127.0.0.1", record.port)}
    stranger = Airflow(record.port, "wrong")
    with pytest.raises(AirflowError, match="401"):
        stranger.runs(WEEKLY)


@pytest.mark.full
def test_it_waits_below_the_threshold_even_when_the_triggerer_is_killed(
    local: Local, drop: Callable[[date, int], None]
) -> None:
    eventually(lambda: bool(local.counted()), "the triggerer looks")
    before = len(local.counted())
    record = local.stack.running()
    assert record is not None
    triggerers = [p for p in members(record) if "triggerer" in " ".join(p.cmdline())]
    for process in triggerers:
        process.kill()
    drop(date(2026, 1, 22), 1)
    eventually(lambda: any(local.counted()[before:]), "the triggerer that was started again looks")
    assert max(local.counted()) < THRESHOLD
    assert local.airflow.runs(NEW) == [], "there are runs only when something is due"


def test_at_the_threshold_it_fires_once_and_not_again_after_the_decision(
    local: Local, drop: Callable[[date, int], None]
) -> None:
    ended = {run["dag_run_id"] for run in local.runs("success")}
    for day in (date(2026, 1, 22), date(2026, 1, 23)):
        drop(day, 1)
    eventually(lambda: len(local.runs("success")) > len(ended), "the new readings are used")
    (fired,) = [run for run in local.runs("success") if run["dag_run_id"] not in ended]
    assert fired["run_type"] == "asset_triggered"
    names = map_names(local, NEW, fired["dag_run_id"])
    assert {name.split()[1] for name in names} == set(model_names())
    eventually(lambda: local.counted()[-1] == 0, "the triggerer looks again")
    assert {run["dag_run_id"] for run in local.airflow.runs(NEW)} == {*ended, fired["dag_run_id"]}


def test_a_run_by_hand_does_as_its_form_says_at_once_though_nothing_is_due(local: Local) -> None:
    form = {"models": ["forecasting_30d"], "dry_run": True}
    run_id = local.airflow.trigger(NEW, form)["dag_run_id"]
    eventually(lambda: local.airflow.run(NEW, run_id)["state"] == "success", "the run by hand ends")
    names = map_names(local, NEW, run_id)
    assert {name.split()[1] for name in names} == {"forecasting_30d"}
    assert names["model.train forecasting_30d"].startswith("forecasting_30d kept: ")


def test_ingest_tells_of_the_table_of_readings(local: Local) -> None:
    events = local.airflow.call("GET", "/assets/events?order_by=timestamp")["asset_events"]
    extras = [event["extra"] for event in events if event["name"] == "smartwatts/readings"]
    assert sum(counts["accepted"] for counts in extras) > 0
    assert sum(counts["rejected"] for counts in extras) > 0, "simulated homes have faulty lines"


@pytest.mark.full
def test_readings_that_cannot_be_used_end_the_run_as_skipped(local: Local) -> None:
    ended = {run["dag_run_id"] for run in local.runs("success")}
    lines = "2026-05-01T00:00:00,nan,home01/mains\n" * (3 * THRESHOLD)
    text = "timestamp,consumption,device_id\n" + lines
    open_root(local.stack.root).write("landing/unusable.csv", text.encode())
    eventually(lambda: len(local.runs("success")) > len(ended), "the run ends")
    (skipped,) = [run for run in local.runs("success") if run["dag_run_id"] not in ended]
    states = {t["task_id"]: t["state"] for t in local.airflow.tasks(NEW, skipped["dag_run_id"])}
    assert states["ingest"] == "success"
    assert states["plan"] == states["report"] == "skipped"


def test_a_second_make_run_uses_what_is_there(second: Second) -> None:
    assert second.made.returncode == 0, second.made.stdout + second.made.stderr
    assert "Airflow is up" in second.made.stdout
    assert f"{WEEKLY} {second.dry_run}," in second.made.stdout
    assert second.after.record == second.before.record
    assert second.after.landed == second.before.landed


def test_a_dry_run_records_nothing(local: Local, second: Second) -> None:
    assert local.airflow.run(WEEKLY, second.dry_run)["state"] == "success"
    names = map_names(local, WEEKLY, second.dry_run)
    assert {name.split()[1] for name in names} == {"nilm"}
    assert second.after.nilm == second.before.nilm


def test_an_operator_rolls_back_in_the_browser_and_the_history_names_them(local: Local) -> None:
    store = Store(open_root(local.stack.root), local.stack.folder / "keys")
    champion = store.champion("nilm")
    record = local.stack.running()
    assert champion is not None and record is not None
    fields = {name: getattr(champion.manifest, name) for name in MANIFEST_FIELDS}
    newer = store.publish(
        "nilm",
        store.read_file(champion.manifest),
        fields,
        run_id="by-hand",
        actor=BY_HAND,
        reason="newer",
    )
    with logged_in(record.url, local.stack.password()) as page:
        frame = models_frame(page)
        frame.locator("#nilm a").first.click()
        frame.locator("#chart circle").first.wait_for()
        assert frame.locator("#chart circle").count() == len(store.versions("nilm"))
        frame.locator("#decisions a.report").last.click()
        frame.locator("#decisions").wait_for(state="detached")
        assert frame.locator("h1").inner_text().startswith("nilm")
        page.goto(f"{record.url}/plugin/models/smartwatts/models/nilm")
        roll_back(frame, champion.version, "smells of burning")
        frame.locator("#history a[data-airflow]").first.click()
        page.wait_for_url("**/dags/retrain_*/runs/**")
    after = store.champion("nilm")
    assert after is not None and after.version == champion.version < newer.version
    entry = store.history("nilm")[-1]
    assert (entry.action, entry.actor, entry.reason) == ("rollback", "admin", "smells of burning")


def test_a_champion_is_an_event_of_its_models_asset(local: Local) -> None:
    events = local.airflow.call("GET", "/assets/events?order_by=timestamp")["asset_events"]
    told = [event["extra"] for event in events if event["name"] == "smartwatts/nilm"]
    assert (told[0]["action"], told[0]["version"]) == ("published", 1)
    assert float(told[0]["metrics"]["mae_w"]) > 0
    history = Store(open_root(local.stack.root), local.stack.folder / "keys").history("nilm")
    by_airflow = [entry.action for entry in history if entry.actor != BY_HAND]
    assert [event["action"] for event in told] == [TOLD[action] for action in by_airflow]


def test_a_branchs_tasks_link_to_report_and_model(local: Local) -> None:
    run_id = local.airflow.runs(WEEKLY)[-1]["dag_run_id"]
    names = map_names(local, WEEKLY, run_id)
    (task,) = [
        t
        for t in local.airflow.tasks(WEEKLY, run_id)
        if t["rendered_map_index"] == names["model.publish nilm"]
    ]
    path = f"/dags/{WEEKLY}/dagRuns/{quote(run_id)}/taskInstances/model.publish/links"
    links = local.airflow.call("GET", f"{path}?map_index={task['map_index']}")["extra_links"]
    assert links["Report"].endswith("/nilm/report.html")
    assert links["Model"].endswith("/smartwatts/models/nilm")


def test_a_component_that_dies_is_started_again(local: Local) -> None:
    record = local.stack.running()
    assert record is not None
    (processor,) = [
        p
        for p in members(record)
        if "dag-processor" in " ".join(p.cmdline()) and is_first(p, record.pid)
    ]
    processor.kill()

    def back() -> bool:
        found = [p for p in members(record) if "dag-processor" in " ".join(p.cmdline())]
        return any(p.pid != processor.pid for p in found)

    eventually(back, "the DAG processor is back")


def is_first(process: psutil.Process, leader: int) -> bool:
    return process.ppid() == leader


def test_stop_leaves_no_process(local: Local) -> None:
    record = local.stack.running()
    assert record is not None
    stopped = local.script("stop")
    assert stopped.returncode == 0, stopped.stdout
    assert members(record) == []
    home = str(local.stack.home)
    for process in psutil.process_iter(["cmdline"]):
        assert home not in " ".join(process.info["cmdline"] or [])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", record.port)) != 0
    assert json.loads(local.stack.password_file.read_text()), "the login stays for the next start"
