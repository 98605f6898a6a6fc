"""The memory of an ingest is bounded, whatever the rows and however they lie."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

MIB = 1 << 20
LIMIT = 600 * MIB
ROWS = 1_000_000
ROWS_IN_FULL = 20_000_000
AT_ONCE = 1_000_000
BAD = 1000
"""Of so many bad rows one is good: a file without any is left as it is."""
START = np.datetime64("2020-01-01", "s").astype(np.int64)
YEAR_S = 366 * 86_400

INGEST = """
import json, sys
from pathlib import Path
from smartwatts_ml.objects import open_root
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.ingest import ingest

report = ingest(open_root(sys.argv[1]), Settings(unit=sys.argv[2], check_mains=False))
(file,) = report.files
assert file.adds_up and not file.left, file
# Not ru_maxrss, which counts the process that started this one.
status = Path("/proc/self/status").read_text()
peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
print(json.dumps([peak, file.accepted, file.duplicate, file.rejected]))
"""

Column = np.ndarray
Shape = Callable[[np.ndarray, np.random.Generator, int], tuple[Column, Column]]
"""Row numbers, chance and the rows of the whole file → stamps (s) and device numbers."""


def in_order(index: Column, chance: np.random.Generator, rows: int) -> tuple[Column, Column]:
    return START + index // 100 * 60, index % 100


def one_device(index: Column, chance: np.random.Generator, rows: int) -> tuple[Column, Column]:
    return START + index, np.zeros_like(index)


def any_order(index: Column, chance: np.random.Generator, rows: int) -> tuple[Column, Column]:
    size = len(index)
    return START + chance.integers(0, YEAR_S, size), chance.integers(0, 100, size)


def many_devices(index: Column, chance: np.random.Generator, rows: int) -> tuple[Column, Column]:
    size = len(index)
    return START + chance.integers(0, 31 * 86_400, size), chance.integers(0, 200_000, size)


def one_stamp(index: Column, chance: np.random.Generator, rows: int) -> tuple[Column, Column]:
    return np.full_like(index, START), index * 0


def write(path: Path, shape: Shape, rows: int, *, bad: bool = False) -> None:
    chance = np.random.default_rng(5)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(b"timestamp,consumption,device_id\n")
        for first in range(0, rows, AT_ONCE):
            index = np.arange(first, min(rows, first + AT_ONCE))
            stamps, devices = shape(index, chance, rows)
            columns = [
                pa.array(stamps.astype("M8[s]")),
                pa.array(["watts", "230"]).take(pa.array(index % BAD == 0).cast("int8"))
                if bad
                else pa.array(stamps % 997),
                pa.array(devices).cast(pa.string()),
            ]
            table = pa.table(columns, names=["t", "c", "d"])
            csv.write_csv(table, file, csv.WriteOptions(include_header=False))


def peak_of(root: Path, unit: str = "W") -> tuple[int, int, int, int]:
    """Peak memory of an ingest, and accepted, duplicate and rejected rows."""
    done = subprocess.run(
        [sys.executable, "-c", INGEST, str(root), unit],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    peak, accepted, duplicate, rejected = json.loads(done.stdout)
    return peak, accepted, duplicate, rejected


CASES: dict[str, tuple[Shape, bool, str]] = {
    "good": (in_order, False, "W"),
    "bad": (in_order, True, "W"),
    "one device": (one_device, False, "W"),
    "any order": (any_order, False, "W"),
    "one device of energy": (one_device, False, "kWh"),
    "any order of energy": (any_order, False, "kWh"),
    "many devices": (many_devices, False, "W"),
    "one stamp": (one_stamp, False, "W"),
}


def check_peak(root: Path, case: str, rows: int) -> None:
    shape, bad, unit = CASES[case]
    write(root / "landing" / "a.csv", shape, rows, bad=bad)
    peak, accepted, duplicate, rejected = peak_of(root, unit)
    assert accepted + duplicate + rejected == rows
    if shape is any_order and unit == "kWh":  # how long the last of a device is, nothing tells
        assert rejected <= 100
    else:
        assert rejected == (rows - -(-rows // BAD) if bad else 0)
    assert peak < LIMIT, f"{peak / MIB:.0f} MiB"


@pytest.mark.slow
@pytest.mark.parametrize("case", ["good", "any order", "one stamp"])
def test_peak_memory_is_bounded(tmp_path: Path, case: str) -> None:
    check_peak(tmp_path, case, ROWS)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("case", CASES)
def test_peak_memory_is_bounded_in_full_size(tmp_path: Path, case: str) -> None:
    check_peak(tmp_path, case, ROWS_IN_FULL)
