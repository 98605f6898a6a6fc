"""What each stage costs as homes are added: CPU seconds, and bytes a reading.

Simulated homes go through the stages of the command line, each a process of its own; a
difference between two numbers of homes is what a home costs.

    .venv/bin/python -m benchmarks.fleet --homes 12 24
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from smartwatts_ml.simulate import simulate

MODELS = ("nilm", "forecasting_24h", "forecasting_7d", "anomaly")
SUBMETERED = 4
"""A home in so many has appliance meters."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--homes", type=int, nargs="+", default=[12, 24])
    parser.add_argument("--days", type=int, default=90)
    given = parser.parse_args()
    print("| homes | readings | stage | model | CPU s | peak MiB |\n|---|---|---|---|---|---|")
    for homes in given.homes:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), homes, given.days)
    return 0


def measure(folder: Path, homes: int, days: int) -> None:
    """Rows of the table for so many homes."""
    landing = folder / "root" / "landing"
    simulate(homes, days, landing, submetered=homes // SUBMETERED)
    packed = list(landing.rglob("*.gz"))
    text = sum(path.stat().st_size for path in packed)
    readings = sum(count_lines(path) for path in packed)
    row = f"| {homes} |"
    shown = stage(folder, "ingest")
    print(f"{row} {readings:,} | ingest | | {shown}", flush=True)
    for model in MODELS:
        run = ["--run", f"fleet-{model}"]
        print(
            f"{row} {readings:,} | train, 1 epoch | {model} | {stage(folder, 'train', model, *run)}"
        )
        print(
            f"{row} {readings:,} | validate | {model} | {stage(folder, 'validate', *run)}",
            flush=True,
        )
    table = sum(p.stat().st_size for p in (folder / "root" / "readings").rglob("*.parquet"))
    kept = f"CSV.gz {text / readings:.1f}, table {table / readings:.1f} bytes a reading"
    print(f"{row} {readings:,} | {kept} | | | |")


def count_lines(path: Path) -> int:
    """Readings of a file: its lines less the header."""
    with gzip.open(path) as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) - 1


def stage(folder: Path, verb: str, *arguments: str) -> str:
    """CPU seconds and peak of one stage in a process of its own, as cells."""
    epochs = ["--epochs", "1"] if verb == "train" else []
    command = [sys.executable, "-m", "smartwatts_ml", verb, *arguments, *epochs]
    environment = os.environ | {
        "SMARTWATTS_ROOT": str(folder / "root"),
        "SMARTWATTS_KEYS": str(folder / "keys"),
    }
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        _, status, used = os.wait4(child.pid, 0)
        if status:
            said.seek(0)
            sys.exit(f"{' '.join(command)}: {said.read().decode()}")
    return f"{used.ru_utime + used.ru_stime:.1f} | {used.ru_maxrss / 1024:.0f} |"


if __name__ == "__main__":
    sys.exit(main())
