"""A running stack by its session: its processes, and those that nobody waits for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Record", "boot_mark", "leader_lives", "members", "orphans", "start_mark"]


@dataclass(frozen=True)
class Record:
    """A running stack: its session (the supervisor's pid) and what tells it from another.

    ``mark`` is the supervisor's start time and ``boot`` the machine's, so that a pid given
    to somebody else is noticed.
    """

    pid: int
    mark: str
    boot: str
    port: int
    root: str
    settings: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def start_mark(pid: int) -> str:
    """When a process started, in the kernel's own clock, which nobody sets back."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        return stat.read_text().rpartition(")")[2].split()[19]
    return str(psutil.Process(pid).create_time())


def boot_mark() -> str:
    """Which boot of the machine this is, where the system says so."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def leader_lives(record: Record) -> bool:
    """Whether the recorded supervisor is alive, and not another process with its pid."""
    try:
        return record.boot == boot_mark() and start_mark(record.pid) == record.mark
    except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
        return False


def members(record: Record) -> list[psutil.Process]:
    """Every live process of the stack's session.

    Task processes leave the process group, but nothing in Airflow leaves the session. A
    kernel gives a pid anew only when no session bears it, so if the supervisor is gone and
    its pid is not taken, whoever is in that session belongs to the stack.
    """
    if record.boot != boot_mark():
        return []
    if psutil.pid_exists(record.pid) and not leader_lives(record):
        return []
    left = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == record.pid and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            continue
    return left


def orphans(record: Record) -> list[psutil.Process]:
    """Those of the session that nobody of it waits for any more: what a component that was killed
    had started."""
    everyone = members(record)
    pids = {process.pid for process in everyone}
    left = []
    for process in everyone:
        try:
            if process.pid != record.pid and process.ppid() not in pids:
                left.append(process)
        except psutil.NoSuchProcess:
            continue
    return left
