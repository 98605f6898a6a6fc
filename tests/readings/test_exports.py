"""Exports of real tools with made-up values: the table holds what they say, to the letter.

``../shared/exports/README.md`` says what the fields of ``expected.json`` mean.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
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
from smartwatts_ml.readings.resample import DeviceReadings
from smartwatts_ml.readings.table.table import Snapshot, newest_readings, open_table
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source
from smartwatts_ml.stages.ingest import ingest, reread

_AS_LONG = 0.8
EXPORTS = Path(__file__).parents[3] / "shared" / "exports"
FOLDERS = sorted(path.parent for path in EXPORTS.rglob("expected.json"))


def stated(folder: Path) -> dict[str, Any]:
    """What an export says of itself."""
    expected: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return expected


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDERS, reason="needs ../shared/exports"),
]


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

    def readings(self, device: str) -> DeviceReadings | None:
        """One device as the rest of the system sees it."""
        site, channel = device.split("/")
        readings, _ = newest_readings(self.objects, self.settings)
        if site not in (span.site for span in readings.spans()):
            return None
        return readings.read_devices(site).get(channel)

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
    return Ingested(request.param, open_root(str(tmp_path / "root")), stated(request.param))


def test_an_export_gives_what_it_says_or_is_refused_with_a_remedy(export: Ingested) -> None:
    for name, lines in export.expected["files"].items():
        check_lines(export, name, lines)
    duplicates = sum(file.duplicate for file in export.report.files)
    assert export.short or duplicates == export.expected["duplicates"]
    for device, expected in export.expected["devices"].items():
        readings = export.readings(device)
        if readings is not None:
            check_power(readings, device, expected, export.short)
            count = len(export.stamps.get(device, readings.stamps))
            assert expected["readings"] - export.short <= count <= expected["readings"]
        else:
            assert export.short or expected.get("optional"), f"no {device}"


@pytest.mark.parametrize("folder", [f for f in FOLDERS if "steps" in stated(f)], ids=str)
def test_what_was_read_wrongly_is_read_anew_in_steps(folder: Path, tmp_path: Path) -> None:
    export = Ingested(folder, open_root(str(tmp_path / "root")), stated(folder))
    for name in export.expected["files"]:
        export.objects.write(f"landing/{name}", (folder / name).read_bytes())
    before = ingest(export.objects, Settings()).snapshot
    held = power_of(export, before)
    ingest(export.objects, export.settings)
    report = reread(export.objects, export.settings, [], outdated=True)
    for device, expected in export.expected["devices"].items():
        readings = export.readings(device)
        assert readings is not None and len(readings.stamps) == expected["readings"]
        check_power(readings, device, expected, short=False)
    assert report.snapshot.rows == export.expected["readings"]
    assert not ingest(export.objects, export.settings).accepted
    assert power_of(export, before) == held


def power_of(export: Ingested, snapshot: Snapshot) -> dict[str, list[float]]:
    """What a snapshot has of each device."""
    readings = open_table(export.objects).readings(snapshot, Settings())
    return {
        f"{span.site}/{channel}": device.values.tolist()
        for span in readings.spans()
        for channel, device in readings.read_devices(span.site).items()
    }


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


def seconds(text: str) -> int:
    return int(np.datetime64(text.removesuffix("Z"), "s").astype(np.int64))


def check_spacing(starts: np.ndarray, ends: np.ndarray, spacing: Any) -> None:
    """Readings last as long as they should, but for totals over a hole; of what is held and
    changes at any time nobody says it."""
    since = spacing if isinstance(spacing, list) else [["2000-01-01T00:00:00Z", spacing]]
    bounds = [*(seconds(start) for start, _ in since), np.inf]
    for (_, length), first, last in zip(since, bounds[:-1], bounds[1:], strict=True):
        inside = (starts >= first) & (starts < last)
        if length is not None and inside.any():
            assert np.mean(np.isclose((ends - starts)[inside], length)) >= _AS_LONG


def check_power(
    readings: DeviceReadings, device: str, expected: Mapping[str, Any], short: bool
) -> None:
    """First and last reading, energy and samples. ``short``: some may have been refused."""
    starts, ends = readings.stamps / 1e6, readings.ends / 1e6
    watts = readings.values.astype(np.float64)
    kwh = (watts * (ends - starts)).sum() / 3.6e6
    sign = -1 if expected.get("sign") == "either" and kwh * expected["kwh"] < 0 else 1
    if not short:
        check_spacing(starts, ends, expected["spacing_s"])
    assert int(starts[0]) == seconds(expected["first_utc"])
    if not short:
        assert int(starts[-1]) == seconds(expected["last_utc"])
        assert sign * kwh == pytest.approx(expected["kwh"], rel=1e-3, abs=1e-5)
    for text, mean in expected["samples"]:
        start = seconds(text)
        place = int(np.searchsorted(starts, start))
        if short and (place == len(starts) or starts[place] != start):
            continue
        lasting = expected.get("sample_s") or ends[place] - start
        inside = np.minimum(ends, start + lasting) - np.maximum(starts, start)
        inside = np.clip(inside, 0, None)
        assert inside.sum() == pytest.approx(lasting), f"{device}: no power from {text} on"
        power = sign * (watts * inside).sum() / lasting
        assert power == pytest.approx(mean, rel=1e-3, abs=0.05), f"{device}: {text}"
