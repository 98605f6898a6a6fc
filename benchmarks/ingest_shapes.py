"""Ingest of files that are no plain long ones: what each costs, and how much memory it takes.

    python -m benchmarks.ingest_shapes --rows 1e6

Each shape is a process of its own. ``local`` is a long file whose timestamps are 31.12.2026 14:05
with decimal commas; ``registers`` has four registers a meter, an end and a unit on each line;
``wide`` has 20 channels a line, ``wider`` 2,000 (a hundredth of the lines).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from smartwatts_ml.objects import open_root
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source
from smartwatts_ml.stages.ingest import ingest

START = np.datetime64("2024-01-01", "s")
REGISTERS = ("Import T1", "Import T2", "Export T1", "Export T2")
SOURCES = {
    "registers": Source(
        match="*", register="Register", channels={"Import*": "+mains", "Export*": "-mains"}
    )
}


def local(rows: int) -> Iterator[str]:
    yield "timestamp;consumption;device_id\n"
    for minute in range(rows // 100):
        stamp = (START + 60 * minute).astype(object)
        yield "".join(f"{stamp:%d.%m.%Y %H:%M};{home},5;home{home}\n" for home in range(100))


def registers(rows: int) -> Iterator[str]:
    yield "From;Until;Meter;Register;Volume;Unit\n"
    for quarter in range(rows // 400):
        start, end = (str(START + 900 * i).replace("T", " ") for i in (quarter, quarter + 1))
        yield "".join(
            f"{start};{end};meter{meter};{register};0.{meter:03};kWh\n"
            for meter in range(100)
            for register in REGISTERS
        )


def wide(rows: int, channels: int = 20) -> Iterator[str]:
    yield ",".join(["time", "mains [W]", *(f"plug{i} [W]" for i in range(channels - 1))]) + "\n"
    values = np.round(np.random.default_rng(1).gamma(2, 150, 10_000), 1).astype(str)
    for row in range(rows):
        first = row * 7 % (len(values) - channels)
        yield f"{START + 6 * row},{','.join(values[first : first + channels])}\n"


SHAPES: dict[str, Callable[[int], Iterator[str]]] = {
    "local": local,
    "registers": registers,
    "wide": wide,
    "wider": lambda rows: wide(rows // 100, 2_000),
}


def run_shape(shape: str, root: Path) -> dict[str, Any]:
    """Ingest the file in this process; seconds, CPU seconds, peak memory, lines and values."""
    pd.DataFrame()
    pa.array(np.zeros(1))  # which imports what a first one imports
    settings = Settings(sources=[SOURCES[shape]] if shape in SOURCES else [])
    wall, cpu = time.perf_counter(), time.process_time()
    report = ingest(open_root(str(root)), settings)
    (file,) = report.files
    assert file.adds_up
    assert not file.left, file.left
    # Not ru_maxrss, which counts the process that started this one.
    status = Path("/proc/self/status").read_text()
    return {
        "shape": shape,
        "lines": file.lines,
        "values": file.values,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_mib": int(status.partition("VmHWM:")[2].split()[0]) / 1024,
    }


def measure(shape: str, rows: int, repeats: int) -> dict[str, Any]:
    """The median run, by CPU."""
    runs = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(prefix="smartwatts-bench-") as name:
            landing = Path(name) / "landing"
            landing.mkdir()
            with (landing / "a.csv").open("w") as file:
                file.writelines(SHAPES[shape](rows))
            command = [sys.executable, "-m", "benchmarks.ingest_shapes", "--shape", shape]
            done = subprocess.run(
                [*command, "--root", name], check=True, stdout=subprocess.PIPE, text=True
            )
            runs.append(dict(json.loads(done.stdout)))
    return sorted(runs, key=lambda run: float(run["cpu_s"]))[len(runs) // 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=float, default=1e6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shape", choices=SHAPES, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.shape:
        print(json.dumps(run_shape(options.shape, options.root)))
        return
    print("| shape | lines | values | wall s | CPU s | µs of CPU a value | peak MiB |")
    print("|---|---|---|---|---|---|---|")
    for shape in SHAPES:
        run = measure(shape, int(options.rows), options.repeats)
        each = run["cpu_s"] / run["values"] * 1e6
        print(
            f"| {shape} | {run['lines']:,} | {run['values']:,} | {run['wall_s']:.2f} "
            f"| {run['cpu_s']:.2f} | {each:.2f} | {run['peak_mib']:.0f} |"
        )


if __name__ == "__main__":
    main()
