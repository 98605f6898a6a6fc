"""Leads the stack's session: starts Airflow's components, restarts one that dies, and ends
them all in an order that loses no work when it gets SIGTERM.

Started by ``Stack.start`` only, with the stack's environment already in place.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO

import psutil

from scripts.session import Record, members, orphans
from scripts.stack import Stack

__all__ = ["COMPONENTS"]

_log = logging.getLogger("supervisor")

COMPONENTS = {
    "api-server": ["api-server"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
}
"""In the order in which they start. Logs are read from the folder, so nobody needs to serve
them on further ports."""
_API_SECONDS = 120.0
_LOG_SECONDS = 60.0
_LOG_BYTES = 32 << 20
_MAX_RESTARTS = 5
_RESTART_WINDOW = 300.0
_STOPS = {signal.SIGTERM, signal.SIGINT}
_WATCHED = {*_STOPS, signal.SIGCHLD}


class _Supervisor:
    """Airflow's four components as children of this process."""

    def __init__(self, stack: Stack, record: Record) -> None:
        self.stack = stack
        self.record = record
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.deaths: dict[str, list[float]] = {}

    def migrate(self) -> None:
        """Create or update Airflow's database; readers then do not block its writers."""
        with self._log("migrate") as file:
            subprocess.run(
                _airflow("db", "migrate"), stdout=file, stderr=file, check=True, preexec_fn=_unblock
            )
        with closing(sqlite3.connect(self.stack.home / "airflow.db")) as database:
            database.execute("PRAGMA journal_mode=WAL")

    def start(self, name: str) -> None:
        """Start one component, appending to its log."""
        with self._log(name) as file:
            self.children[name] = subprocess.Popen(
                _airflow(*COMPONENTS[name]),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                preexec_fn=_unblock,
            )

    def _log(self, name: str) -> BinaryIO:
        return (self.stack.logs / f"{name}.log").open("ab")

    def serve(self) -> None:
        """Until SIGTERM or SIGINT, or until a component dies again and again."""
        for name in COMPONENTS:
            if name == "scheduler":
                self._await_api()
            self.start(name)
        while True:
            received = signal.sigtimedwait(_WATCHED, _LOG_SECONDS)
            self._trim_logs()
            if received and received.si_signo != signal.SIGCHLD:
                _log.info("stopping on %s", signal.Signals(received.si_signo).name)
                return
            if not self._restart_dead():
                return

    def _trim_logs(self) -> None:
        """A component's log that has grown large becomes the old one. They are appended to, so
        that whoever writes goes on at the new end."""
        for path in self.stack.logs.glob("*.log"):
            if path.stat().st_size > _LOG_BYTES:
                shutil.copyfile(path, path.with_suffix(".log.1"))
                os.truncate(path, 0)

    def _await_api(self) -> None:
        """A task that is started before the API server listens would fail once."""
        deadline = time.monotonic() + _API_SECONDS
        while time.monotonic() < deadline and not signal.sigpending() & _STOPS:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.record.port)) == 0:
                    return
            time.sleep(0.2)

    def _restart_dead(self) -> bool:
        for name, child in self.children.items():
            if child.poll() is None:
                continue
            now = time.monotonic()
            lately = [t for t in self.deaths.get(name, ()) if now - t < _RESTART_WINDOW]
            self.deaths[name] = [*lately, now]
            _log.error("%s ended with %s", name, child.returncode)
            self._kill(orphans(self.record))
            if len(self.deaths[name]) > _MAX_RESTARTS:
                _log.error("%s: too many restarts, giving up", name)
                return False
            self.start(name)
        return True

    def stop(self) -> None:
        """First the scheduler and its tasks, while the API server still takes their word."""
        self._end(["scheduler"], seconds=15.0, tasks_too=True)
        self._end(["triggerer", "dag-processor"], seconds=5.0)
        self._end(["api-server"], seconds=10.0)
        self._kill([process for process in members(self.record) if process.pid != os.getpid()])

    def _kill(self, processes: Sequence[psutil.Process]) -> None:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=5)

    def _end(self, names: Sequence[str], *, seconds: float, tasks_too: bool = False) -> None:
        """SIGTERM, a time to obey, then SIGKILL."""
        ending = [self.children[name] for name in names if name in self.children]
        for child in ending:
            child.terminate()
        deadline = time.monotonic() + seconds
        for child in ending:
            while child.poll() is None and time.monotonic() < deadline:
                if tasks_too:
                    self._kill_tasks()
                with suppress(subprocess.TimeoutExpired):
                    child.wait(0.5)
        for child in ending:
            if child.poll() is None:
                child.kill()
                child.wait()

    def _kill_tasks(self) -> None:
        """A task ignores SIGTERM; killed, it counts as failed by accident and is retried.

        Tasks are the only ones in the session that lead a process group of their own.
        """
        for process in members(self.record):
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                if process.pid != os.getpid() and os.getpgid(process.pid) == process.pid:
                    process.kill()


def _unblock() -> None:
    """Give a child the signals back that this process waits for."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)


def _airflow(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "airflow", *arguments]


def _main(folder: str, root: str, port: str, lock: str) -> int:
    """Keep the inherited lock, write the record, serve until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    os.set_inheritable(int(lock), False)
    stack = Stack(Path(folder), root)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    record = stack.new_record(int(port))
    stack.write_record(record)
    supervisor = _Supervisor(stack, record)
    try:
        supervisor.migrate()
        supervisor.serve()
    finally:
        supervisor.stop()
        stack.record_file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
