"""Exports of real tools with made-up values: the table holds what they say, to the letter.

``../shared/exports/README.md`` says what the fields of ``expected.json`` mean.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deltalake import DeltaTable

from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.columns import CHANNEL, SITE, TIMESTAMP
from smartwatts_ml.readings.ingest.ingest_report import IngestReport
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.table.table import newest_readings
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source
from smartwatts_ml.stages.ingest import ingest

EXPORTS = Path(__file__).parents[3] / "shared" / "exports"
FOLDERS = sorted(path.parent for path in EXPORTS.rglob("expected.json"))
DAY_S = 86_400
FINEST_S = 10
"""Of devices that write on change."""

pytestmark = pytest.mark.skipif(not FOLDERS, reason="needs ../shared/exports")


def source_of(name: str, given: Mapping[str, Any], files: Mapping[str, int]) -> Source:
    """What ``given`` says of a file, as a user would write it down."""

    def said(field: str) -> Any:
        value = given.get(field)
        if isinstance(value, dict) and set(value) <= set(files):
            return value.get(name)
        return value

    fields = {
        "device": said("site"),
        "timezone": said("timezone"),
        "unit": said("unit"),
        "stamp_is": said("stamps"),
        "stamp": said("stamp"),
        "channels": {said("mains"): "mains"} if said("mains") else None,
    }
    if said("export"):
        fields["channels"] = {said("export"): "-mains", "*": "+mains"}
    return Source(match=name, **{k: v for k, v in fields.items() if v is not None})


@dataclass
class Ingested:
    """An export in a root."""

    folder: Path
    objects: Objects
    expected: dict[str, Any]

    @cached_property
    def settings(self) -> Settings:
        given, files = self.expected["given"], self.expected["files"]
        return Settings(sources=[source_of(name, given, files) for name in files])

    @cached_property
    def report(self) -> IngestReport:
        for name in self.expected["files"]:
            self.objects.write(f"landing/{name}", (self.folder / name).read_bytes())
        return ingest(self.objects, self.settings)

    @cached_property
    def stamps(self) -> dict[str, np.ndarray]:
        """Distinct stamps of the table's rows, by device."""
        rows: dict[str, set[Any]] = defaultdict(set)
        if self.report.snapshot.rows:
            table = DeltaTable(self.objects.uri("readings")).to_pyarrow_table()
            for row in table.select([SITE, CHANNEL, TIMESTAMP]).to_pylist():
                rows[f"{row[SITE]}/{row[CHANNEL]}"].add(row[TIMESTAMP].replace(tzinfo=None))
        return {name: np.array(sorted(stamps), "M8[s]") for name, stamps in rows.items()}

    def power(self, device: str, period_s: int) -> dict[np.datetime64, float]:
        """Mean W by the start of each interval that is known."""
        site, channel = device.split("/")
        readings, _ = newest_readings(self.objects, self.settings)
        loaded = readings.load(site, period_s, [channel])
        watts = loaded.channels.get(channel, np.zeros(0))
        return {
            time: float(value)
            for time, value in zip(loaded.times, watts, strict=True)
            if np.isfinite(value)
        }

    def file(self, name: str) -> FileReport:
        return next(file for file in self.report.files if file.key == f"landing/{name}")

    def rejected_lines(self, name: str) -> set[int]:
        """Those that quarantine keeps."""
        key = self.file(name).quarantine_key
        if key is None:
            return set()
        text = gzip.decompress(self.objects.read(key).data).decode()
        return {int(row["line"]) for row in csv.DictReader(text.splitlines())}

    def refusal(self, name: str) -> str:
        stated = self.expected.get("refusal", "never")
        return stated.get(name, "never") if isinstance(stated, dict) else stated

    @property
    def short(self) -> bool:
        """Whether something was refused, as it may be."""
        return any(self.refused(name) for name in self.expected["files"])

    def refused(self, name: str) -> bool:
        file = self.file(name)
        if self.refusal(name) == "last line only":
            return file.rejected == 1
        return self.refusal(name) == "allowed" and bool(file.left or file.rejected)


@pytest.fixture(params=FOLDERS, ids=lambda path: str(path.relative_to(EXPORTS)))
def export(request: pytest.FixtureRequest, tmp_path: Path) -> Ingested:
    expected = json.loads((request.param / "expected.json").read_text())
    return Ingested(request.param, open_root(str(tmp_path / "root")), expected)


def test_an_export_gives_what_it_says_or_is_refused_with_a_remedy(export: Ingested) -> None:
    for name, lines in export.expected["files"].items():
        check_lines(export, name, lines)
    duplicates = sum(file.duplicate for file in export.report.files)
    assert export.short or duplicates == export.expected["duplicates"]
    for device, expected in export.expected["devices"].items():
        actual = expected | {"device": device}
        if is_there(export, device):
            check_power(export, device, expected)
        elif not expected.get("optional"):
            assert export.short, actual


def check_lines(export: Ingested, name: str, lines: int) -> None:
    """Each line is accounted for, and none is rejected but those that may be."""
    file = export.file(name)
    if file.left:
        assert export.refused(name), file.left
        assert " (" in file.left  # what to do
        return
    assert file.adds_up
    assert file.lines == lines
    if not export.refused(name):
        why = export.expected["rejected"]["why"].get(name, {})
        expected = {line for numbers in why.values() for line in numbers}
        assert file.rejected + file.missing == len(expected), file.why_rejected()
        assert export.rejected_lines(name) <= expected


def is_there(export: Ingested, device: str) -> bool:
    site, channel = device.split("/")
    readings, _ = newest_readings(export.objects, export.settings)
    return any(span.site == site and channel in span.channels for span in readings.spans())


def segments(expected: Mapping[str, Any]) -> list[tuple[np.datetime64, int]]:
    """Since when which spacing, s."""
    spacing = expected["spacing_s"]
    if spacing is None:
        spacing = FINEST_S
    if isinstance(spacing, int):
        spacing = [[expected["first_utc"], spacing]]
    return [(stamp(since), seconds) for since, seconds in spacing]


def stamp(text: str) -> np.datetime64:
    return np.datetime64(text.removesuffix("Z"), "s")


def check_power(export: Ingested, device: str, expected: Mapping[str, Any]) -> None:
    """Count, first and last reading, energy and samples."""
    parts = segments(expected)
    spacings = [seconds for _, seconds in parts]
    offsets = [int(since.astype(np.int64)) % DAY_S for since, _ in parts]
    period = math.gcd(*spacings, *offsets)
    sign = -1 if expected.get("sign") == "either" and expected["kwh"] else 1
    power = export.power(device, period)
    kwh = sum(power.values()) * period / 3.6e6
    if sign < 0 and kwh * expected["kwh"] > 0:
        sign = 1
    short = export.short and kwh < expected["kwh"]
    if not short:
        assert sign * kwh == pytest.approx(expected["kwh"], rel=1e-3, abs=1e-5)
    if expected["spacing_s"] is not None:
        assert min(power) == stamp(expected["first_utc"])
        last = stamp(expected["last_utc"]) + np.timedelta64(spacings[-1] - period, "s")
        assert short or max(power) == last
    check_count(export, device, expected, power, parts, period, short)
    for start, watts in expected["samples"]:
        lasting = expected.get("sample_s") or max(p for p in parts if p[0] <= stamp(start))[1]
        fine = power if lasting % period == 0 else export.power(device, lasting)
        cells = [fine.get(stamp(start) + np.timedelta64(s, "s")) for s in range(0, lasting, period)]
        known = [cell for cell in cells if cell is not None]
        if len(known) < len(cells):
            assert short, f"{device}: no power from {start} on"
            continue
        assert sign * np.mean(known) == pytest.approx(watts, rel=1e-3, abs=0.05), (device, start)


def check_count(
    export: Ingested,
    device: str,
    expected: Mapping[str, Any],
    power: Mapping[np.datetime64, float],
    parts: list[tuple[np.datetime64, int]],
    period: int,
    short: bool,
) -> None:
    """Rows of the table, or intervals where several channels make up the device."""
    if device in export.stamps:
        count = len(export.stamps[device])
    else:
        counts = Counter(max(p for p in parts if p[0] <= time)[1] for time in power)
        count = sum(cells * period // spacing for spacing, cells in counts.items())
    assert count == expected["readings"] - short
