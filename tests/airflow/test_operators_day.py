"""A day of an operator's on one stack: what broke once, one after the other, each mended by what
the pages say. The tests share the stack, in their order.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import psutil
import pytest
from smartwatts_airflow.placement import TRAINING_POOL
from smartwatts_airflow.runs import run_key

from scripts.session import members
from scripts.stack import REPOSITORY, Stack
from smartwatts_ml.objects import open_root
from smartwatts_ml.runs.claims import standing_claim
from smartwatts_ml.store import Store
from tests.airflow.local import NEW, QUICK, WEEKLY, Local, eventually, run_script
from tests.airflow.webhook import Webhook, webhook

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]

ROLLBACK, RENEWAL = "rollback_model", "renew_timestamp"
THRESHOLD = 12_000
SIZE = ["--homes", "3", "--days", "21", "--submetered", "3", "--epochs", "3", "--slots", "1"]
NILM = {"models": ["nilm"], "epochs": 1}
QUICKLY_KEPT = {"models": ["forecasting_30d"]}
"""Three weeks are too little for it, so that its run ends soon, whatever came in."""
AWAY_SECONDS = 60.0
APART_SECONDS = 0.03
AT_ONCE_SECONDS = 45.0
"""Less than SQLite's own timeout, which is what a standstill takes."""
MANIFEST_FIELDS = (
    "code", "snapshot", "inputs", "outputs", "metrics", "decision", "quantization",
)  # fmt: skip


@pytest.fixture(scope="module")
def messages() -> Iterator[Webhook]:
    with webhook() as served:
        yield served


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, messages: Webhook) -> Iterator[Local]:
    """A stack after ``make run``, whose operator has made the connection for messages."""
    folder = tmp_path_factory.mktemp("day")
    stack = Stack(folder, str(folder / "root"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SMARTWATTS_")}
    own = {"SMARTWATTS_ROOT": stack.root, "SMARTWATTS_NEW_READINGS": str(THRESHOLD), **QUICK}
    environment = kept | own
    try:
        made = Local(stack, environment, run_script("run", stack, environment, *SIZE))
        assert made.first.returncode == 0, made.first.stdout + made.first.stderr
        connection = {"connection_id": "smartwatts_notify", "conn_type": "http"}
        made.airflow.call("POST", "/connections", connection | {"host": f"http://{messages[0]}"})
        yield made
    finally:
        run_script("stop", stack, environment)


@pytest.fixture(scope="module")
def store(local: Local) -> Store:
    return Store(open_root(local.stack.root), local.stack.folder / "keys")


def page(local: Local, at: str = "/") -> str:
    """A page of ours, as the operator sees it."""
    record = local.stack.running()
    assert record is not None
    login = json.dumps({"username": "admin", "password": local.stack.password()}).encode()
    kind = {"Content-Type": "application/json"}
    with urlopen(Request(f"{record.url}/auth/token", login, kind), timeout=60) as answer:
        token = json.load(answer)["access_token"]
    asked = Request(f"{record.url}/smartwatts{at}", headers={"Authorization": f"Bearer {token}"})
    with urlopen(asked, timeout=60) as answer:
        return str(answer.read().decode())


def smartwatts(local: Local, *arguments: str) -> str:
    """A command with the environment of the stack; what it said."""
    environment = local.environment | {"SMARTWATTS_KEYS": str(local.stack.folder / "keys")}
    done = subprocess.run(
        [sys.executable, "-m", "smartwatts_ml", *arguments],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_path(dag: str, run_id: str) -> str:
    return f"/dags/{dag}/dagRuns/{quote(run_id)}"


def ends(local: Local, dag: str, run_id: str) -> str:
    """The state in which a run has ended."""
    states: list[str] = []

    def ended() -> bool:
        states.append(local.airflow.run(dag, run_id)["state"])
        return states[-1] in ("success", "failed")

    eventually(ended, f"{run_id} ends")
    return states[-1]


def run_that_waits_for_a_slot(local: Local) -> str:
    """A weekly run that has claimed nilm, and trains once the pool is opened."""
    local.airflow.set_pool(TRAINING_POOL, 0, "closed")
    run_id: str = local.airflow.trigger(WEEKLY, NILM)["dag_run_id"]
    objects, key = open_root(local.stack.root), run_key(WEEKLY, run_id)

    def has_claimed() -> bool:
        claim = standing_claim(objects, "nilm")
        return claim is not None and claim.run_id == key

    eventually(has_claimed, "the run claims nilm")
    local.airflow.call("PATCH", run_path(WEEKLY, run_id), {"state": "failed"})
    card = page(local).split('id="now-nilm"')[1].split("</div>")[0]
    assert "is failed" in card and "smartwatts models release nilm" in card
    return run_id


def test_a_weekly_run_that_failed_is_cleared_and_succeeds(local: Local) -> None:
    run_id = run_that_waits_for_a_slot(local)
    local.airflow.call("POST", f"{run_path(WEEKLY, run_id)}/clear", {"dry_run": False})
    local.airflow.set_pool(TRAINING_POOL, 1, "open")
    assert ends(local, WEEKLY, run_id) == "success"
    assert standing_claim(open_root(local.stack.root), "nilm") is None


def test_the_claim_of_a_run_that_was_deleted_is_released(local: Local) -> None:
    run_id = run_that_waits_for_a_slot(local)
    local.airflow.call("DELETE", run_path(WEEKLY, run_id))
    assert "smartwatts models release nilm" in page(local)
    assert "nilm: released" in smartwatts(local, "models", "release", "nilm")
    assert 'id="now-nilm"' not in page(local)
    local.airflow.set_pool(TRAINING_POOL, 1, "open")


def test_a_file_that_is_written_slowly_starts_one_run_once_it_is_whole(local: Local) -> None:
    before = len(local.airflow.runs(NEW))
    landing = Path(local.stack.root) / "landing" / "slow.csv"
    with landing.open("w") as file:
        file.write("timestamp,consumption,device_id\n")
        for _ in range(12):
            file.write("2026-05-01T00:00:00,nan,home01/mains\n" * (THRESHOLD // 3))
            file.flush()
            time.sleep(0.7)  # as a slow writer does: less than lies between two looks
            assert len(local.airflow.runs(NEW)) == before
    eventually(lambda: len(local.airflow.runs(NEW)) > before, "the file is noticed")
    assert ends(local, NEW, local.airflow.runs(NEW)[0]["dag_run_id"]) == "success"
    looks = len(local.counted())
    with suppress(AssertionError):
        eventually(lambda: len(local.airflow.runs(NEW)) > before + 1, "another run", seconds=20)
    assert len(local.airflow.runs(NEW)) == before + 1
    assert local.counted()[-1] < THRESHOLD, looks


def test_a_champions_file_that_is_missing_is_seen_and_mended(local: Local, store: Store) -> None:
    champion = store.champion("nilm")
    assert champion is not None
    (Path(local.stack.root) / "models" / "nilm" / champion.file).unlink()
    broken = page(local)
    assert "Something is broken" in broken and "gateways cannot pull it" in broken
    smartwatts(local, "models", "verify", "--repair")
    assert "gateways cannot pull it" not in page(local)


def component(local: Local, *names: str) -> list[psutil.Process]:
    """A component of the stack, and its children."""
    record = local.stack.running()
    assert record is not None
    (first,) = [
        process
        for process in members(record)
        if process.ppid() == record.pid
        and any(name in " ".join(process.cmdline()) for name in names)
    ]
    return [first, *first.children(recursive=True)]


def test_an_api_server_that_is_away_for_a_minute_ends_no_training(local: Local) -> None:
    run_id = local.airflow.trigger(WEEKLY, NILM | {"epochs": 40})["dag_run_id"]

    def training() -> bool:
        """Has begun to read: a task that has not is tried again, which is another matter."""
        tasks = local.airflow.tasks(WEEKLY, run_id)
        running = [t for t in tasks if t["task_id"] == "model.train" and t["state"] == "running"]
        return any("reading" in line for t in running for line in local.airflow.log_lines(t))

    eventually(training, "nilm trains")
    server = component(local, "api-server", "api_server")
    for process in server:
        process.send_signal(signal.SIGSTOP)
    time.sleep(AWAY_SECONDS)  # nothing can be heard of one that is away
    for process in server:
        process.send_signal(signal.SIGCONT)
    assert ends(local, WEEKLY, run_id) == "success"
    tries = {t["task_id"]: t["try_number"] for t in local.airflow.tasks(WEEKLY, run_id)}
    assert tries["model.train"] == 1


def test_kilowatts_for_watts_are_asked_about_and_read_once_the_unit_is_said(local: Local) -> None:
    days, hours = range(1, 22), range(24)
    lines = [
        f"2026-04-{day:02d}T{hour:02d}:00:00,{0.2 + hour / 40:.3f},home77/mains"
        for day, hour in itertools.product(days, hours)
    ]
    objects, about = open_root(local.stack.root), "1 file cannot be read"
    for power, is_asked in (("consumption", True), ("consumption [kW]", False)):
        text = "\n".join([f"timestamp,{power},device_id", *lines, ""])
        objects.write("landing/kilowatts.csv", text.encode())
        run_id = local.airflow.trigger(WEEKLY, QUICKLY_KEPT)["dag_run_id"]
        assert ends(local, WEEKLY, run_id) == "success"
        assert (about in page(local)) == is_asked


def hears(messages: Webhook, what: str) -> Callable[[], bool]:
    return lambda: any(what in got["title"] for got in messages[1])


def test_a_forced_version_and_a_rollback_are_told(
    local: Local, store: Store, messages: Webhook
) -> None:
    champion = store.champion("nilm")
    assert champion is not None
    fields = {name: getattr(champion.manifest, name) for name in MANIFEST_FIELDS}
    newer = store.publish(
        "nilm", store.read_file(champion.manifest), fields,
        run_id="by-hand", actor="ann", reason="no meter yet", action="force",
    )  # fmt: skip
    assert "1 forced (nilm)" in page(local)
    run_id = local.airflow.trigger(RENEWAL, {})["dag_run_id"]
    assert ends(local, RENEWAL, run_id) == "success"
    eventually(hears(messages, f"nilm: v{newer.version} forced"), "the forced version is told")
    form = {"model": "nilm", "version": champion.version, "reason": "smells of burning"}
    run_id = local.airflow.trigger(ROLLBACK, form)["dag_run_id"]
    assert ends(local, ROLLBACK, run_id) == "success"
    rolled_back = hears(messages, f"nilm: v{champion.version} rolled back")
    eventually(rolled_back, "the rollback is told")
    assert "forced (nilm)" not in page(local)


def test_a_misspelt_setting_is_named_and_harms_nothing_that_runs(local: Local) -> None:
    before = local.stack.running()
    environment = local.environment | {"SMARTWATTS_NEW_READING": "5"}
    made = run_script("run", local.stack, environment, *SIZE)
    assert made.returncode == 2
    assert "SMARTWATTS_NEW_READINGS?" in made.stdout + made.stderr
    assert local.stack.running() == before


def test_runs_that_are_triggered_at_once_by_rest_and_command_line_all_begin(
    local: Local, store: Store
) -> None:
    champion = store.champion("nilm")
    record = local.stack.running()
    assert champion is not None and record is not None
    form = {"model": "nilm", "version": champion.version, "reason": "at once"}
    environment = local.environment | local.stack.environment(record.port)
    command = [sys.executable, "-m", "airflow", "dags", "trigger", ROLLBACK]
    conf = ["--conf", json.dumps(form)]

    def by_rest(number: int) -> float:
        time.sleep(number * APART_SECONDS)
        started = time.monotonic()
        local.airflow.trigger(ROLLBACK, form)
        return time.monotonic() - started

    def by_command_line(_: int) -> Any:
        return subprocess.run(
            [*command, *conf], env=environment, capture_output=True, text=True, check=False
        )

    before = len(local.airflow.runs(ROLLBACK))
    with ThreadPoolExecutor(10) as pool:
        commands = [pool.submit(by_command_line, number) for number in range(2)]
        took = list(pool.map(by_rest, range(8)))
        ended = [each.result() for each in commands]
    assert max(took) < AT_ONCE_SECONDS, took
    assert all(each.returncode == 0 for each in ended), [each.stderr for each in ended]
    assert len(local.airflow.runs(ROLLBACK)) == before + 10
