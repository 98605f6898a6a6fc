"""Airflow on several workers, all on this machine: Postgres, Redis, Celery, an S3 root.

It runs in ``.venv-compose``, which holds what the image of the compose stack holds.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from scripts.airflow_api import Airflow, AirflowError
from scripts.stack import REPOSITORY

__all__ = ["Distributed", "eventually", "why_missing"]

PYTHON = REPOSITORY / ".venv-compose" / "bin" / "python"
PATIENCE = 300.0
CELERY, LOCAL = "CeleryExecutor", "LocalExecutor"


def program(name: str) -> str | None:
    """A program's path; Debian keeps those of Postgres out of the way."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(debian[-1]) if debian else None)


def why_missing() -> str | None:
    """Why it cannot be started here, None where it can."""
    missing = [name for name in ("initdb", "postgres", "redis-server") if not program(name)]
    if missing:
        return f"{', '.join(missing)} not installed"
    return None if PYTHON.exists() else "no .venv-compose: `make test-distributed`"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def eventually(true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Nothing here pushes, so it is asked until it says so; what it said."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found = true()
        except AirflowError:
            found = None
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


class Distributed:
    """Servers below one folder. ``environment`` reaches the S3 root and says the settings;
    ``signing``: what differs for the worker that signs; ``alone``: where one machine does all."""

    def __init__(
        self,
        folder: Path,
        environment: dict[str, str],
        *,
        signing: dict[str, str],
        alone: dict[str, str],
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.password = secrets.token_hex(8)
        self._postgres, self._redis = free_port(), free_port()
        # Postgres refuses to run as root, and its user cannot enter root's folders.
        self._data = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        passwords = folder / "passwords.json"
        passwords.write_text(json.dumps({"admin": self.password}))
        database = f"postgresql+psycopg://airflow@127.0.0.1:{self._postgres}/postgres"
        options = {
            "CORE__DAGS_FOLDER": REPOSITORY / "dags",
            "CORE__PLUGINS_FOLDER": REPOSITORY / "plugins",
            "CORE__LOAD_EXAMPLES": False,
            "CORE__PARALLELISM": 4,
            "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.port}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": passwords,
            "DATABASE__SQL_ALCHEMY_CONN": database,
            "CELERY__BROKER_URL": f"redis://127.0.0.1:{self._redis}/0",
            "CELERY__RESULT_BACKEND": f"db+{database}",
            # One can run all: what waits long for a place in a queue Airflow fails.
            "CELERY__WORKER_CONCURRENCY": 4,
            "CELERY__WORKER_PREFETCH_MULTIPLIER": 1,
            "API__HOST": "127.0.0.1",
            "API__PORT": self.port,
            "API__BASE_URL": f"http://127.0.0.1:{self.port}",
            "API__WORKERS": 1,
            "API__SECRET_KEY": secrets.token_hex(32),
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "LOGGING__BASE_LOG_FOLDER": folder / "logs",
            "WORKERS__MAX_FAILED_HEARTBEATS": 100,
            # A dead worker, or scheduler, is noticed after seconds, not after minutes.
            "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": 15,
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": 30,
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": 5,
            "SCHEDULER__TASK_QUEUED_TIMEOUT": 60,
            "SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": 10,
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "SMARTWATTS"))}
        self._environment = {
            **kept,
            **{f"AIRFLOW__{name}": str(value) for name, value in options.items()},
            "AIRFLOW_HOME": str(folder / "airflow"),
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'plugins'}",
            "PATH": f"{PYTHON.parent}:{os.environ['PATH']}",
            **environment,
        }
        self._signing, self._alone = signing, alone

    @property
    def airflow(self) -> Airflow:
        return Airflow(self.port, self.password)

    def start_servers(self) -> None:
        """Postgres and Redis, then Airflow's database."""
        data = self._data
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        prefix = as_user if os.getuid() == 0 else []
        if prefix:
            shutil.chown(data, "postgres", "postgres")
        subprocess.run(
            [*prefix, str(program("initdb")), "-D", data, "-U", "airflow", "-A", "trust", "-N"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )
        where = ["-p", str(self._postgres), "-c", "listen_addresses=127.0.0.1"]
        quick = ["-k", "", "-c", "fsync=off"]
        self._spawn(
            "postgres", [*prefix, str(program("postgres")), "-D", str(data), *where, *quick]
        )
        redis = ["--bind", "127.0.0.1", "--port", str(self._redis), "--save", ""]
        self._spawn("redis", [str(program("redis-server")), *redis])
        for port in (self._postgres, self._redis):
            eventually(partial(_listens, port), f"port {port}", 60)
        migrate = [str(PYTHON), "-m", "airflow", "db", "migrate"]
        subprocess.run(migrate, env=self._environment, check=True, stdout=subprocess.DEVNULL)

    def start_airflow(self, executor: str, workers: int = 0) -> None:
        """Airflow's components, so many Celery workers that train, and one that signs; ready
        for runs. LocalExecutor does everything beside the scheduler."""
        self._environment["AIRFLOW__CORE__EXECUTOR"] = executor
        self.start("api-server", "api-server")
        eventually(lambda: _listens(self.port), "the API server listens")
        own = {} if workers else self._alone
        self.start("scheduler", "scheduler", "--skip-serve-logs", **own)
        self.start("triggerer", "triggerer", "--skip-serve-logs")
        self.start("dag-processor", "dag-processor")
        for number in range(workers):
            self.start_worker(f"worker{number}", "default,training")
        if workers:
            self.start_worker("signer", "signing", **self._signing)
        eventually(lambda: self.airflow.dag_known("retrain_weekly"), "the DAG is parsed")

    def start(self, name: str, *arguments: str, **environment: str) -> None:
        self._spawn(name, [str(PYTHON), "-m", "airflow", *arguments], **environment)

    def start_worker(self, name: str, queues: str, **environment: str) -> None:
        pid = str(self.folder / f"{name}.pid")
        named = ["--celery-hostname", f"{name}@%h", "--pid", pid, "--skip-serve-logs"]
        self.start(name, "celery", "worker", "--queues", queues, *named, **environment)

    def _spawn(self, name: str, command: list[str], **environment: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                env=self._environment | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL for a component and all that it started, as when its machine dies."""
        process = self._processes.pop(name)
        try:
            family = psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            family = []
        for member in [psutil.Process(process.pid), *family]:
            try:
                member.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        process.wait()

    def trains(self, name: str) -> bool:
        """Whether a worker's process has TensorFlow loaded, which only a training has."""
        for member in psutil.Process(self._processes[name].pid).children(recursive=True):
            try:
                maps = Path(f"/proc/{member.pid}/maps").read_text()
            except OSError:
                continue
            if "libtensorflow_cc" in maps or "tensorflow/python" in maps:
                return True
        return False

    def stop_airflow(self) -> None:
        """Everything of Airflow's; Postgres and Redis go on."""
        for name in [n for n in self._processes if n not in ("postgres", "redis")]:
            self.kill(name)

    def stop(self) -> None:
        self.stop_airflow()
        for name in list(self._processes):
            self.kill(name)
        shutil.rmtree(self._data)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
