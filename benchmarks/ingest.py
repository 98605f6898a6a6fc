"""Ingest and hourly resampling beside pandas, polars and DuckDB, on made readings of 100 homes at
1 minute.

    python -m benchmarks.ingest --rows 1e6 --rows 1e7 --rows 1e8 --pandas-up-to 1e7

Each measurement is a process of its own, so that its peak memory is its own; imports are
not timed. The files (one a month, rows in the order of time) are made first, and removed at
the end. What pandas does is what a script would do: ``read_csv`` and ``to_parquet``, without
and with parsed timestamps, then ``groupby("device_id").resample("1h").mean()`` of that
Parquet file. polars and DuckDB read CSV, timestamps parsed, and write Parquet, with a thread a
core. What ingest does is all that ``smartwatts ingest`` does: digest, count of lines,
parse, checks, sort, removal of duplicates, exactly-once commit to the Delta table; its
resampling gives every site's hours from that table.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
from pyarrow import csv

from smartwatts_ml.objects import open_root
from smartwatts_ml.readings.table.table import open_table
from smartwatts_ml.settings import settings
from smartwatts_ml.stages.ingest import ingest

HOMES = 100
START = "2024-01-01"
OURS = ("ingest", "hours")


def make_files(folder: Path, rows: int) -> list[Path]:
    """CSV files of one month each."""
    rng = np.random.default_rng(1)
    schema = pa.schema(
        [
            ("timestamp", pa.timestamp("s")),
            ("consumption", pa.float32()),
            ("device_id", pa.string()),
        ]
    )
    names = pa.array([f"home{home}/mains" for home in range(HOMES)])
    start = np.datetime64(START, "m")
    times = start + np.arange(rows // HOMES)
    months = times.astype("M8[M]")
    paths = []
    for month in np.unique(months):
        paths.append(folder / f"{month}.csv")
        mine = times[months == month]
        options = csv.WriteOptions(quoting_style="none")
        with csv.CSVWriter(paths[-1], schema, write_options=options) as writer:
            for part in np.array_split(mine, -(-len(mine) // 10_000)):
                stamps = np.repeat(part.astype("M8[s]"), HOMES)
                watts = np.round(rng.gamma(2, 150, len(stamps)), 1).astype(np.float32)
                homes = names.take(pa.array(np.tile(np.arange(HOMES), len(part))))
                writer.write(pa.table([pa.array(stamps), pa.array(watts), homes], schema=schema))
    return paths


def _pandas(folder: Path, **options: Any) -> int:
    rows = 0
    for path in _landed(folder):
        frame = pd.read_csv(path, **options)
        frame.to_parquet(folder / "pandas" / f"{path.stem}.parquet")
        rows += len(frame)
    return rows


def _polars(folder: Path) -> int:
    rows = 0
    for path in _landed(folder):
        frame = polars.read_csv(path, try_parse_dates=True)
        frame.write_parquet(folder / "others" / f"{path.stem}.polars.parquet")
        rows += len(frame)
    return rows


def _duckdb(folder: Path) -> int:
    rows = 0
    with duckdb.connect() as connection:
        for path in _landed(folder):
            target = folder / "others" / f"{path.stem}.duckdb.parquet"
            copied = connection.execute(
                f"COPY (FROM read_csv('{path}')) TO '{target}' (FORMAT parquet)"
            ).fetchone()
            assert copied is not None
            rows += copied[0]
    return rows


def _pandas_hours(folder: Path) -> int:
    frame = pd.read_parquet(folder / "pandas")
    by_time = frame.set_index("timestamp").groupby("device_id")["consumption"]
    return len(by_time.resample("1h").mean())


def _ingest(folder: Path) -> int:
    root = str(folder / "root")
    return ingest(open_root(root), settings(root=root)).accepted


def _hours(folder: Path) -> int:
    table = open_table(open_root(str(folder / "root")))
    sites = table.readings(table.snapshot(), settings()).iterate(3600)
    return sum(len(site) for site in sites)


def _landed(folder: Path) -> list[Path]:
    return sorted((folder / "root" / "landing").iterdir())


STEPS: Mapping[str, Callable[[Path], int]] = {
    "pandas": _pandas,
    "pandas_dates": lambda folder: _pandas(folder, parse_dates=["timestamp"]),
    "polars": _polars,
    "duckdb": _duckdb,
    "pandas_hours": _pandas_hours,
    "ingest": _ingest,
    "hours": _hours,
}
"""What is timed, each in a process of its own; the rows that came out."""


def run_step(step: str, folder: Path) -> dict[str, Any]:
    """Do one step in this process; seconds, CPU seconds, peak memory, rows out."""
    for name in ("pandas", "others"):
        (folder / name).mkdir(exist_ok=True)
    pa.array(np.zeros(1))  # which imports what a first one imports
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    rows = STEPS[step](folder)
    return {
        "step": step,
        "rows": rows,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "start_mib": before / 1024,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_a_process(step: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.ingest", "--step", step, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def measure(rows: int, repeats: int, with_pandas: bool) -> list[dict[str, Any]]:
    """The median run of each step, by wall time."""
    found = []
    with tempfile.TemporaryDirectory(prefix="smartwatts-bench-") as name:
        folder = Path(name)
        landing = folder / "root" / "landing"
        landing.mkdir(parents=True)
        make_files(landing, rows)
        size = sum(path.stat().st_size for path in landing.iterdir())
        print(f"{rows:,} rows in {size / 1e6:,.0f} MB of CSV", file=sys.stderr)
        for step in STEPS:
            if step not in OURS and not with_pandas:
                continue
            runs = []
            for _ in range(repeats):
                if step == "ingest":
                    for made in ("readings", "state", "quarantine"):
                        shutil.rmtree(folder / "root" / made, ignore_errors=True)
                os.sync()
                runs.append(in_a_process(step, folder))
            runs.sort(key=lambda run: run["wall_s"])
            found.append(runs[len(runs) // 2] | {"in_rows": rows})
    return found


def show(found: list[dict[str, Any]]) -> None:
    print("| rows | step | wall s | CPU s | M rows/s | peak MiB (at start) |")
    print("|---|---|---|---|---|---|")
    for run in found:
        print(
            f"| {run['in_rows']:,} | {run['step']} | {run['wall_s']:.2f} | {run['cpu_s']:.2f} "
            f"| {run['in_rows'] / run['wall_s'] / 1e6:.2f} "
            f"| {run['peak_mib']:.0f} ({run['start_mib']:.0f}) |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=float, action="append", help="rows; may be repeated")
    parser.add_argument("--pandas-up-to", type=float, default=1e7)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(run_step(given.step, given.folder)))
        return
    found = []
    for rows in given.rows or [1e6, 1e7]:
        found += measure(int(rows), given.repeats, rows <= given.pandas_up_to)
    show(found)


if __name__ == "__main__":
    main()
