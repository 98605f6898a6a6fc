"""Starting and stopping the local stack: stale records, reused pids, taken ports.

A shell that sleeps stands in for Airflow; the whole stack is in test_end_to_end.py.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import yaml
from airflow.configuration import conf

from scripts import stack as stack_module
from scripts import supervise
from scripts.session import Record, boot_mark, members, orphans, start_mark
from scripts.stack import REPOSITORY, Stack, reserve_port

# The leader prints the pid of a child that leaves the process group, as Airflow's tasks do.
LEADER = """
import os, subprocess, sys, time
code = "import os, time; os.setpgid(0, 0); print('moved', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


# Leader, child and grandchild; the leader prints the pids of the other two.
GENERATIONS = """
import subprocess, sys, time
code = "import subprocess; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=1); p.wait()"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline().strip(), flush=True)
child.wait()
time.sleep(600)
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    made = Stack(tmp_path / "local", str(tmp_path / "root"))
    made.prepare()
    return made


@pytest.fixture
def session() -> Iterator[tuple[Record, psutil.Process]]:
    """A session of two processes in two process groups: its record and the second one."""
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER], stdout=subprocess.PIPE, start_new_session=True, text=True
    )
    assert leader.stdout
    child = psutil.Process(int(leader.stdout.readline()))
    record = Record(leader.pid, start_mark(leader.pid), boot_mark(), 8080, "root", "digest")
    yield record, child
    for process in (child, leader):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    leader.wait(10)


@pytest.fixture
def family() -> Iterator[tuple[Record, psutil.Process, psutil.Process]]:
    """A session of three generations: its record, the second and the third."""
    leader = subprocess.Popen(
        [sys.executable, "-c", GENERATIONS],
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert leader.stdout
    child, grandchild = (psutil.Process(int(pid)) for pid in leader.stdout.readline().split())
    record = Record(leader.pid, start_mark(leader.pid), boot_mark(), 8080, "root", "digest")
    yield record, child, grandchild
    for process in (grandchild, child, leader):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    leader.wait(10)


def test_what_a_killed_component_had_started_is_an_orphan(
    family: tuple[Record, psutil.Process, psutil.Process],
) -> None:
    record, child, grandchild = family
    assert orphans(record) == []
    child.kill()
    psutil.wait_procs([child], timeout=10)
    assert orphans(record) == [grandchild]


def test_a_log_that_has_grown_large_becomes_the_old_one(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "_LOG_BYTES", 10)
    with (stack.logs / "scheduler.log").open("ab") as log:
        log.write(b"before " * 3)
        log.flush()
        supervise._Supervisor(stack, stack.new_record(1))._trim_logs()
        log.write(b"after")
    assert (stack.logs / "scheduler.log").read_bytes() == b"after"
    assert (stack.logs / "scheduler.log.1").read_bytes() == b"before " * 3


def test_there_is_a_user_who_only_looks(stack: Stack) -> None:
    assert set(stack.passwords()) == {"admin", "viewer"}
    users = stack.environment(1)["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"]
    assert users == "admin:admin,viewer:viewer"


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_secrets_are_made_once_and_for_their_owner_alone(stack: Stack) -> None:
    password = stack.password()
    stack.prepare()
    assert stack.password() == password
    assert len(password) >= 12
    for path in (stack.password_file, stack.home / "secrets.json"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert stack.home.stat().st_mode & 0o777 == 0o700


def test_the_stack_listens_on_loopback_alone_and_tasks_know_its_port(stack: Stack) -> None:
    environment = stack.environment(12345)
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__API__PORT"] == "12345"
    assert ":12345/execution/" in environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


@pytest.mark.parametrize("environment", ["local", "compose"])
def test_a_task_lives_on_while_the_api_server_is_away_and_the_scheduler_waits(
    stack: Stack, environment: str
) -> None:
    if environment == "local":
        settings = stack.environment(1)
    else:
        services = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text())["services"]
        settings = services["worker"]["environment"]
    heartbeats = int(settings["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"])
    interval = conf.getint("workers", "min_heartbeat_interval")
    patience = conf.getint("scheduler", "task_instance_heartbeat_timeout")
    assert heartbeats * interval > patience


def test_airflow_settings_of_the_user_do_not_leak_into_the_stack(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW__CORE__SOMETHING", "else")
    assert stack.environment(1)["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert "AIRFLOW__CORE__SOMETHING" not in stack.environment(1)


def test_a_changed_setting_changes_the_digest(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stack.settings_digest()
    assert stack.settings_digest() == before
    monkeypatch.setenv("SMARTWATTS_NEW_READINGS", "17")
    assert stack.settings_digest() != before
    assert replace(stack, root="s3://bucket/other").settings_digest() != before


def test_the_digest_is_the_same_inside_the_stack(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = stack.settings_digest()
    for name, value in stack.environment(8080).items():
        monkeypatch.setenv(name, value)
    assert stack.settings_digest() == outside


def test_another_port_is_taken_when_8080_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(stack_module, "_PREFERRED_PORT", taken.getsockname()[1])
        with reserve_port() as (port, _):
            assert port != taken.getsockname()[1]


def test_two_stacks_that_start_at_once_take_two_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens on the first one's port yet, and the one who asked for it has gone on."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        preferred = unused.getsockname()[1]
    monkeypatch.setattr(stack_module, "_PREFERRED_PORT", preferred)
    with reserve_port() as (first, reservation):
        supervisor = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[reservation])
    with supervisor, reserve_port() as (second, _):
        assert (first == preferred, second == preferred) == (True, False)
        supervisor.communicate()
    with reserve_port() as (third, _):
        assert third == preferred


def test_all_processes_of_the_session_are_found_in_whatever_group(
    session: tuple[Record, psutil.Process],
) -> None:
    record, child = session
    assert os.getpgid(child.pid) != record.pid
    assert {process.pid for process in members(record)} == {record.pid, child.pid}


@pytest.mark.slow
def test_stop_leaves_nothing_of_a_stack_whose_supervisor_was_killed(
    stack: Stack, session: tuple[Record, psutil.Process]
) -> None:
    record, child = session
    stack.write_record(record)
    psutil.Process(record.pid).kill()
    assert stack.running() is None
    stack.stop()
    assert not alive(child.pid)
    assert stack.record() is None


def test_a_pid_that_somebody_else_has_now_is_not_touched(
    stack: Stack, session: tuple[Record, psutil.Process]
) -> None:
    record, child = session
    stack.write_record(replace(record, mark="1"))
    assert stack.running() is None
    assert stack.stop() == 0
    assert alive(record.pid) and alive(child.pid)


def test_a_record_from_before_a_reboot_is_not_believed(
    stack: Stack, session: tuple[Record, psutil.Process]
) -> None:
    record, child = session
    stack.write_record(replace(record, boot="another boot"))
    assert stack.stop() == 0
    assert alive(record.pid) and alive(child.pid)


def test_without_the_lock_a_record_does_not_mean_that_the_stack_runs(
    stack: Stack, session: tuple[Record, psutil.Process]
) -> None:
    record, _ = session
    stack.write_record(record)
    assert stack.running() is None
    with stack.lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert stack.running() == record


def test_two_starts_at_once_make_one_stack(stack: Stack) -> None:
    with stack.lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert stack.start() is None


def test_stopping_what_does_not_run_is_fine(stack: Stack) -> None:
    folder = str(stack.folder)
    stop = subprocess.run(
        [sys.executable, "-m", "scripts.stop", "--folder", folder],
        cwd=stack_module.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (stop.returncode, stop.stdout) == (0, "nothing runs\n")


def test_a_record_is_plain_json(stack: Stack, session: tuple[Record, psutil.Process]) -> None:
    record, _ = session
    stack.write_record(record)
    assert json.loads(stack.record_file.read_text())["port"] == 8080
    assert stack.record() == record


def test_the_local_stack_has_one_key_of_each_kind_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from scripts.run import hold_ceremony
    from smartwatts_ml.kinds import model_names
    from smartwatts_ml.objects import open_root
    from smartwatts_ml.store import Store

    objects, keys = open_root(str(tmp_path / "root")), tmp_path / "keys"
    hold_ceremony(objects, keys)
    assert "one of each kind" in capsys.readouterr().out
    root, targets = Store(objects, keys).metadata()
    assert root is not None and len(root.roles["root"].keyids) == 1
    assert targets is not None and targets.delegations is not None
    assert set(targets.delegations.roles or {}) == set(model_names())
    hold_ceremony(objects, keys)
    hold_ceremony(objects, tmp_path / "of another machine")
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "of another machine").exists()
