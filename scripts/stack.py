"""The local stack: where its files are, its environment, and whether it is up.

Everything lies below one folder (``.local``): ``airflow/`` (database, password, record of
the running stack), ``logs/``, ``keys/`` and, by default, the root. The supervisor holds a
lock for as long as it lives, so a stale record can never pass for a running stack.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from scripts.session import Record, boot_mark, leader_lives, members, start_mark

__all__ = ["REPOSITORY", "Stack", "reserve_port"]

REPOSITORY = Path(__file__).resolve().parent.parent
_PREFERRED_PORT = 8080
_LOOPBACK = "127.0.0.1"
_TRIES = 20
_USERS = {"admin": "admin", "viewer": "viewer"}
"""Roles of Airflow's simple auth manager, by user."""
_PASSED_ON = ("SMARTWATTS_", "AWS_")
"""Variables whose change means that a running stack has to be started anew."""


@dataclass(frozen=True)
class Stack:
    """One local stack. ``folder`` holds all its files; ``root`` is a path or a URL."""

    folder: Path
    root: str

    @property
    def home(self) -> Path:
        return self.folder / "airflow"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def keys(self) -> Path:
        return Path(os.environ.get("SMARTWATTS_KEYS", self.folder / "keys"))

    @property
    def lock(self) -> Path:
        return self.home / "stack.lock"

    @property
    def record_file(self) -> Path:
        return self.home / "stack.json"

    @property
    def password_file(self) -> Path:
        return self.home / "passwords.json"

    def prepare(self) -> None:
        """Folders and secrets, made once, readable by their owner alone."""
        for folder in (self.home, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        if not self._secrets_file.exists():
            fernet = urlsafe_b64encode(secrets.token_bytes(32)).decode()
            made = {"fernet": fernet, "jwt": secrets.token_hex(32), "api": secrets.token_hex(32)}
            _write_private(self._secrets_file, json.dumps(made))
        if not self.password_file.exists():
            made = {user: secrets.token_urlsafe(12) for user in _USERS}
            _write_private(self.password_file, json.dumps(made))

    def _users(self) -> list[tuple[str, str]]:
        """Users and their roles: those that have a password."""
        return [(user, _USERS.get(user, "viewer")) for user in self.passwords()]

    @property
    def _secrets_file(self) -> Path:
        return self.home / "secrets.json"

    def password(self) -> str:
        """Password of the user ``admin``."""
        return self.passwords()["admin"]

    def passwords(self) -> dict[str, str]:
        """Passwords of all users."""
        return json.loads(self.password_file.read_text())

    def settings_digest(self) -> str:
        """Changes when a variable that the tasks see changes."""
        seen = sorted(i for i in self.environment(0).items() if i[0].startswith(_PASSED_ON))
        return hashlib.sha256(repr(seen).encode()).hexdigest()

    def environment(self, port: int) -> dict[str, str]:
        """Environment of every component. Airflow's own defaults fit a fleet, not a laptop."""
        made = json.loads(self._secrets_file.read_text())
        options = {
            "CORE__DAGS_FOLDER": REPOSITORY / "dags",
            "CORE__PLUGINS_FOLDER": REPOSITORY / "plugins",
            "CORE__LOAD_EXAMPLES": False,
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": 4,
            "CORE__FERNET_KEY": made["fernet"],
            "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(":".join(each) for each in self._users()),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": self.password_file,
            # The API server's address for tasks; the default is wrong on any port but 8080.
            "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db?timeout=60",
            "API__HOST": "127.0.0.1",
            "API__PORT": port,
            "API__BASE_URL": f"http://127.0.0.1:{port}",
            "API__WORKERS": 1,
            "API__SECRET_KEY": made["api"],
            "API_AUTH__JWT_SECRET": made["jwt"],
            "LOGGING__BASE_LOG_FOLDER": self.logs / "tasks",
            "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": self.logs / "dag_processor",
            "LOGGING__COLORED_CONSOLE_LOG": False,
            "DAG_PROCESSOR__PARSING_PROCESSES": 1,
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 120,
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.5,
            # What a scheduler that died had running is taken up within half a minute, not five.
            "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": 30,
            # A task outlives an API server that is away: the scheduler alone, after five minutes
            # without a heartbeat, says that it is dead. Airflow's default ends it within a minute.
            "WORKERS__MAX_FAILED_HEARTBEATS": 100,
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW_", "PYTHON"))}
        return kept | {
            **{f"AIRFLOW__{name}": str(value) for name, value in options.items()},
            "AIRFLOW_HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore::DeprecationWarning",
            "SMARTWATTS_ROOT": self.root,
            "SMARTWATTS_KEYS": str(self.keys),
        }

    def record(self) -> Record | None:
        """The stack that was started last, up or not."""
        try:
            return Record(**json.loads(self.record_file.read_text()))
        except FileNotFoundError:
            return None

    def running(self) -> Record | None:
        """The stack that is up now."""
        record = self.record()
        return record if record and self.locked() and leader_lives(record) else None

    def locked(self) -> bool:
        """Whether a supervisor lives."""
        try:
            with self.lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def start(self) -> subprocess.Popen[bytes] | None:
        """Start a supervisor in a session of its own; it outlives this process.

        The supervisor inherits the lock and the port that are taken here. None: somebody else
        has the lock.
        """
        with (
            self.lock.open("a") as lock,
            (self.logs / "supervisor.log").open("ab") as log,
            reserve_port() as (port, reservation),
        ):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            arguments = [str(self.folder), self.root, str(port), str(lock.fileno())]
            ours = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "plugins")))
            return subprocess.Popen(
                [sys.executable, "-m", "scripts.supervise", *arguments],
                cwd=REPOSITORY,
                env=self.environment(port) | {"PYTHONPATH": ours},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[lock.fileno(), reservation],
            )

    def stop(self, seconds: float = 45.0) -> int:
        """End the stack and every process of its session; how many had to be killed."""
        record = self.record()
        if record is None:
            return 0
        if self.locked() and leader_lives(record):
            leader = psutil.Process(record.pid)
            leader.terminate()
            psutil.wait_procs([leader], timeout=seconds)
        left = members(record)
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=10)
        self.record_file.unlink(missing_ok=True)
        return len(left)

    def new_record(self, port: int) -> Record:
        """The record of a supervisor that is this process."""
        pid = os.getpid()
        return Record(pid, start_mark(pid), boot_mark(), port, self.root, self.settings_digest())

    def write_record(self, record: Record) -> None:
        temporary = self.record_file.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(record)))
        temporary.replace(self.record_file)


def _write_private(path: Path, text: str) -> None:
    """Create a file that only its owner can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


@contextmanager
def reserve_port() -> Iterator[tuple[int, int]]:
    """8080 if it is free on loopback, else one that the system picks, and a file descriptor.

    While that, or a child's copy, is open, no other stack takes the port, though the API server
    listens only after a while: it is of a UDP socket of the same number, which nobody needs.
    """
    for port in (_PREFERRED_PORT, *[0] * _TRIES):
        with socket.socket() as probe, socket.socket(type=socket.SOCK_DGRAM) as reservation:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_LOOPBACK, port))
                reservation.bind((_LOOPBACK, probe.getsockname()[1]))
            except OSError:
                continue
            number = int(probe.getsockname()[1])
            probe.close()
            yield number, reservation.fileno()
            return
    raise OSError("no free port on 127.0.0.1")
