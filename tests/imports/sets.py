"""Small made data sets in the layouts of the real ones, and what an import wrote."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smartwatts_ml.imports import Options, import_readings
from smartwatts_ml.imports.run import ImportReport

START = 1_393_632_000  # 2014-03-01T00:00:00Z
REFIT_HEADER = "Time,Unix,Aggregate," + ",".join(f"Appliance{n}" for n in range(1, 10))


def refit_line(at: int, mains: float, appliances: Sequence[float], *more: object) -> str:
    time = str(np.datetime64(at, "s")).replace("T", " ")
    return ",".join(map(str, (time, at, mains, *appliances, *more)))


def make_refit(path: Path, lines: Iterable[str], header: str = f"{REFIT_HEADER},Issues") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*([header] if header else []), *lines, ""]))
    return path


def refit_lines(count: int, period_s: int = 8, issue_each: int = 0) -> list[str]:
    return [
        refit_line(
            START + i * period_s,
            400 + i % 9,
            range(i % 5, i % 5 + 9),
            int(bool(issue_each) and i % issue_each == 0),
        )
        for i in range(count)
    ]


def make_house(
    root: Path,
    number: int,
    labels: Mapping[int, str],
    channels: Mapping[int, Sequence[tuple[float, float]]],
    mains: Sequence[tuple[float, float, float, float]] = (),
) -> Path:
    """A house as REDD and UK-DALE have it."""
    folder = root / f"house_{number}"
    folder.mkdir(parents=True)
    (folder / "labels.dat").write_text("".join(f"{k} {name}\n" for k, name in labels.items()))
    for k, rows in channels.items():
        text = "".join(f"{at} {watts:g}\n" for at, watts in rows)
        (folder / f"channel_{k}.dat").write_text(text)
    if mains:
        text = "".join(f"{at:.1f} {p:.2f} {s:.2f} {v:.2f}\n" for at, p, s, v in mains)
        (folder / "mains.dat").write_text(text)
    return folder


def series(
    count: int, watts: float, period_s: int = 6, start: int = START
) -> list[tuple[int, float]]:
    return [(start + i * period_s, watts + i % 4) for i in range(count)]


def run(name: str, path: Path, out: Path, **options: Any) -> ImportReport:
    """An import whose accounts add up."""
    report = import_readings(name, path, out, Options(**options))
    rows = read_rows(out)
    for house in report.houses:
        for file in house.files:
            assert file.lines == file.header + file.blank + file.bad + file.used
        for channel in house.channels:
            kept_out = (channel.duplicate, channel.missing, channel.flagged, channel.unpaired)
            assert channel.taken == channel.used + sum(kept_out) + channel.late, channel
            assert channel.written == len(rows.get(f"{house.site}/{channel.name}", ()))
    return report


def read_rows(out: Path) -> dict[str, list[tuple[str, float]]]:
    """Stamps and watts by device, of all files in their order."""
    found: dict[str, list[tuple[str, float]]] = {}
    for path in sorted(out.rglob("*.csv.gz")):
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        assert lines[0] == "timestamp,consumption,device_id"
        for line in lines[1:]:
            stamp, watts, device = line.split(",")
            assert stamp.endswith("Z")
            found.setdefault(device, []).append((stamp, float(watts)))
    return found


def contents(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}
