"""A process that loads everything once and then forks ingesters, which the kernel kills after so
much work.

It starts no thread before it forks, so that a fork is as good as a process of its own. Moments of
death are in seconds of its processor, which are as many however busy the machine is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import TracebackType

DEATH = signal.SIGPROF
"""By what they die: nothing handles it."""

SERVER = """
import os, signal, sys, threading
import deltalake, duckdb, pyarrow.csv, pyarrow.parquet
from smartwatts_ml.objects import open_root
from smartwatts_ml.readings.table import compaction
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.ingest import ingest, reread

assert threading.active_count() == 1
print("ready", flush=True)
while True:
    line = sys.stdin.readline().strip()
    if not line:
        break
    number = os.fork()
    if not number:
        unit, dies_after_s, root = line.split(" ", 2)
        signal.setitimer(signal.ITIMER_PROF, float(dies_after_s))
        if unit != "-":
            report = reread(open_root(root), Settings(unit=unit, check_mains=False), ["*"])
        else:
            report = ingest(open_root(root), Settings())
        os._exit(3 if report.left else 0)
    _, status = os.waitpid(number, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class Forks:
    """One ingester at a time, forked from a process that has everything loaded."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert self._line() == "ready"

    def __enter__(self) -> Forks:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.communicate(timeout=60)

    def start(self, root: str, dies_after_s: float, unit: str = "") -> None:
        """Ingest a root, or read all of its files again in a unit, until it is done or has worked
        for so long."""
        assert self._server.stdin is not None
        self._server.stdin.write(f"{unit or '-'} {dies_after_s:.6f} {root}\n")
        self._server.stdin.flush()

    def ended(self) -> int:
        """How it ended: 0, or minus the signal's number."""
        return int(self._line())

    def _line(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline().strip()
