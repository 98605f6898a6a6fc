"""Landing files for tests, and other processes that ingest them."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from smartwatts_ml.objects import Objects

HEADER = "timestamp,consumption,device_id"

INGEST = """
import json, os, signal, sys
from smartwatts_ml.objects import open_root
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages import ingest as stage
from smartwatts_ml.readings.ingest import ledger
from smartwatts_ml.readings.ingest import quarantine
from smartwatts_ml.readings.ingest import staging
from smartwatts_ml.readings.table import rewriting
from smartwatts_ml.readings.table import table
from smartwatts_ml.readings.ingest import writing

objects = open_root(sys.argv[1])
DEATH = sys.argv[2]
PATTERNS = sys.argv[3:]

def die_at(point, owner, name):
    if point == DEATH:
        setattr(owner, name, lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL))

def die_after(point, owner, name):
    whole = getattr(owner, name)
    def work_and_die(*arguments):
        whole(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
    if point == DEATH:
        setattr(owner, name, work_and_die)

die_at("while scanning", staging.Staging, "add")
die_after("while writing", writing, "write_part")
die_after("while rewriting", rewriting, "write_part")
die_after("while uploading", table.ReadingsTable, "_upload")
die_at("before the commit", table.ReadingsTable, "append")
die_after("after the commit", table.ReadingsTable, "append")
die_after("after the quarantine", quarantine.Quarantine, "keep")
die_at("before the ledger", ledger.Ledger, "keep")
print("ready", flush=True)
sys.stdin.readline()
if PATTERNS:
    report = stage.reread(objects, Settings(), PATTERNS)
else:
    report = stage.ingest(objects, Settings())
print(json.dumps(report.to_json()))
"""


@dataclass
class Ingester:
    """Another process that ingests, or reads some files again, as soon as it is told to go."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, objects: Objects, death: str = "", *again: str, **settings: str) -> Ingester:
        """``again``: patterns of files to read again; ``settings``: variables without prefix."""
        variables = {f"SMARTWATTS_{name.upper()}": value for name, value in settings.items()}
        process = subprocess.Popen(
            [sys.executable, "-c", INGEST, objects.url, death, *again],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | variables,
        )
        ingester = cls(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return ingester

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def result(self) -> dict[str, Any]:
        out, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0
        return dict(json.loads(out))

    def was_killed(self) -> bool:
        self.process.communicate(timeout=120)
        return self.process.returncode == -signal.SIGKILL


def land(objects: Objects, name: str, *rows: str, header: str = HEADER) -> str:
    """Write a landing file; packed where the name says so."""
    content = "\n".join([header, *rows, ""]).encode()
    key = f"landing/{name}"
    objects.write(key, gzip.compress(content) if name.endswith(".gz") else content)
    return key


def minutes(device: str, count: int, value: float = 1.0, day: str = "2024-01-31") -> list[str]:
    """One row a minute from the day's start on, over midnight too."""
    import numpy as np

    stamps = np.datetime64(day, "s") + np.arange(count) * 60
    return [f"{stamp},{value + i % 7},{device}" for i, stamp in enumerate(stamps)]
