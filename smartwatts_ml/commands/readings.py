"""``smartwatts ingest`` and ``smartwatts readings``: getting readings in, seeing what is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from rich.table import Column, Table

from smartwatts_ml.commands.common import (
    JsonOption,
    RootOption,
    open_objects,
    print_json,
    progress_bar,
)
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.commands.explain import explain_files
from smartwatts_ml.commands.paths import paths_option
from smartwatts_ml.counted import counted
from smartwatts_ml.errors import BadInputError, NotFoundError, UsageError
from smartwatts_ml.fleet.beacons import take_beacons
from smartwatts_ml.printable import printable
from smartwatts_ml.readings.base import SiteSpan, device_id
from smartwatts_ml.readings.file_lines import file_lines
from smartwatts_ml.readings.formats.refused import advice_on
from smartwatts_ml.readings.ingest.ingest_report import IngestReport, outdated_lines
from smartwatts_ml.readings.ingest.landing import FILE_NAMES, LANDING, empty_root
from smartwatts_ml.readings.report import QUARANTINE
from smartwatts_ml.readings.site_clocks import change_lines
from smartwatts_ml.readings.sites import DeviceSpan
from smartwatts_ml.readings.table.table import ReadingsTable, Snapshot, newest_readings, open_table
from smartwatts_ml.records.intake import RecordsTaken
from smartwatts_ml.runs.labels import take_new_labels
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.stages.ingest import ingest as ingest_new

__all__ = [
    "as_it_is",
    "check_none_left",
    "export",
    "ingest",
    "open_readings",
    "print_ingest",
    "stats",
]

_DEVICES_SHOWN = 60
_MICRO = 1_000_000


def ingest(
    explained: Annotated[
        list[Path] | None,
        paths_option(
            "Show what files are taken for, and what is doubtful; nothing is ingested.", "--explain"
        ),
    ] = None,
    write: Annotated[
        bool,
        typer.Option(
            "--write", help="With --explain: add the lines that it asks for to the settings."
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            help="Mains is as files have it, also where it is not like that of a home; where "
            "nobody says the unit, it is that of settings.",
        ),
    ] = False,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the files in landing/ that are new to the readings.

    CSV, Excel, Parquet, JSON and what utilities send, in folders below too, plain or packed:
    what a file is and what its columns mean is found out; what it does not say (timezone,
    which column is mains) is a setting, for all files or by source. Each content is
    added once, however often this runs. Rows that cannot be used go to quarantine/, with
    line and reason; exit code 3 says that a whole file could not be read.

    What gateways say of their models lies in landing/beacons/, what people answer about their
    homes in landing/labels/; both are added likewise.

    Example: cp readings-2026-11.csv .local/smartwatts/landing/ && smartwatts ingest

    Example: smartwatts ingest --explain readings-2026-11.csv
    """
    if explained:
        explain_files(explained, settings(root=root), write, as_json)
        return
    if write:
        raise UsageError("--write is for --explain FILE")
    objects, current = open_objects(root)
    if yes:
        current = as_it_is(root, current)
    with progress_bar("ingest") as report_progress:
        report = ingest_new(objects, current, report_progress)
        records = [
            take_beacons(objects, current.fleet.beacon_months),
            take_new_labels(objects, current),
        ]
    if as_json:
        print_json(report.to_json() | {taken.name: taken.to_json() for taken in records})
    else:
        print_ingest(report, objects.uri, current)
        for line in (line for taken in records for line in taken.lines()):
            out.print(printable(line), soft_wrap=True)
    check_none_left(report, *records)


def as_it_is(root: str | None, current: Settings) -> Settings:
    """Settings under which nothing is asked of mains (``--yes``)."""
    return settings(root=root, unit=current.unit, check_mains=False)


def check_none_left(report: IngestReport, *records: RecordsTaken) -> None:
    """Raise BadInputError if nothing was taken of a file."""
    left = [file.key for file in report.left if file.key not in report.dropped]
    left += [file.key for taken in records for file in taken.left]
    if left:
        names = ", ".join(left[:3])
        raise BadInputError(f"{_files(len(left))} could not be read: {names}")


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def print_ingest(report: IngestReport, uri: Any, current: Settings) -> None:
    """What became of each file, and what the readings are now."""
    for line in file_lines(report.files, current):
        out.print(line, soft_wrap=True)
    for key in report.ignored:
        why = advice_on(key) or f"not named {FILE_NAMES}"
        err.print(f"ignored: {printable(key)} is {why}", soft_wrap=True)
    if not report.files and not report.unchanged:
        err.print(f"no file of readings in {uri(LANDING[:-1])}", soft_wrap=True)
    if report.files and all(file.says_nothing for file in report.files):
        err.print(f"{_files(len(report.files))} read, and none has a reading: should it be so?")
    for key in report.dropped:
        err.print(f"nothing is kept of {printable(key)}", soft_wrap=True)
    for line in (*outdated_lines(report.outdated), *change_lines(report.clocks)):
        err.print(printable(line), soft_wrap=True)
    known = f", {counted(report.unchanged, 'file')} known from before" if report.unchanged else ""
    kept = f", kept in {uri(QUARANTINE)}" if report.rejected else ""
    instead = f" in the place of {report.replaced:,}" if report.replaced else ""
    out.print(
        f"{counted(report.accepted, 'reading')} added{instead}, "
        f"{report.rejected:,} rejected{kept}{known}. Now {_in_words(report.snapshot)}.",
        soft_wrap=True,
    )


def _in_words(snapshot: Snapshot) -> str:
    if not snapshot.rows:
        return "the readings are empty"
    return (
        f"{snapshot.rows:,} readings of {counted(snapshot.sites, 'site')}, {snapshot.start} to "
        f"{snapshot.end} (version {snapshot.version})"
    )


def open_readings(root: str | None) -> tuple[ReadingsTable, Snapshot]:
    """The table of the root and its newest snapshot."""
    table = open_table(open_objects(root)[0])
    return table, table.snapshot()


def stats(root: RootOption = None, as_json: JsonOption = False) -> None:
    """Totals, and each device's span, spacing and coverage, from metadata alone.

    Example: smartwatts readings stats --json
    """
    objects, current = open_objects(root, writable=False)
    readings, snapshot = newest_readings(objects, current)
    devices = readings.devices()
    if as_json:
        parts = readings.parts
        print_json(
            {
                "snapshot": snapshot,
                "files": len(parts),
                "bytes": sum(part.size for part in parts),
                "sites": [_span_json(span) for span in readings.spans()],
                "devices": [_device_json(device) for device in devices],
            }
        )
        return
    said = _in_words(snapshot) if snapshot.rows else empty_root(objects)
    out.print(said, soft_wrap=True)
    if devices:
        out.print(_devices_table(devices[:_DEVICES_SHOWN]))
    if len(devices) > _DEVICES_SHOWN:
        out.print(f"… and {len(devices) - _DEVICES_SHOWN:,} more devices; --json tells all")


def _stamp(us: int) -> str:
    return str(np.datetime64(us, "us").astype("M8[s]"))


def _span_json(span: SiteSpan) -> dict[str, Any]:
    return {
        "site": span.site,
        "channels": list(span.channels),
        "start": f"{span.start}Z",
        "end": f"{span.end}Z",
        "rows": span.rows,
        "native_s": span.native_s,
        "coverage": span.coverage,
    }


def _device_json(device: DeviceSpan) -> dict[str, Any]:
    return {
        "site": device.site,
        "channel": device.channel,
        "rows": device.rows,
        "start": f"{_stamp(device.first)}Z",
        "end": f"{_stamp(device.last + device.native)}Z",
        "native_s": device.native / _MICRO,
        "coverage": device.coverage,
    }


def _devices_table(devices: Sequence[DeviceSpan]) -> Table:
    table = Table("site", "channel", *(Column(name, no_wrap=True) for name in ("from", "to")))
    for name in ("spacing", "readings", "coverage"):
        table.add_column(name, justify="right")
    for device in devices:
        table.add_row(
            device.site,
            device.channel,
            _stamp(device.first)[:16],
            _stamp(device.last + device.native)[:16],
            f"{device.native / _MICRO:g} s" if device.native else "?",
            f"{device.rows:,}",
            "?" if device.coverage is None else f"{device.coverage:.1%}",
        )
    return table


def export(
    site: Annotated[str, typer.Argument(help="A site that `readings stats` lists.")],
    output: Annotated[Path, typer.Option("--output", help="CSV or CSV.gz file to write.")],
    period_s: Annotated[
        int, typer.Option("--period", min=1, help="Seconds of one interval.")
    ] = 3600,
    root: RootOption = None,
) -> None:
    """Write one site's readings, resampled, as CSV (UTC, mean W).

    Example: smartwatts readings export home1 --period 60 --output home1.csv.gz
    """
    objects, current = open_objects(root, writable=False)
    readings, _ = newest_readings(objects, current)
    known = [span.site for span in readings.spans()]
    if site not in known:
        raise NotFoundError(f"no site {site!r}", fix=f"known: {', '.join(known[:10]) or 'none'}")
    loaded = readings.load(site, period_s)
    if not loaded.channels:
        raise UsageError(f"the readings of {site} are coarser than {period_s} s")
    frames = [
        pd.DataFrame({"timestamp": loaded.times, "consumption": watts}).assign(
            device_id=device_id(site, channel)
        )
        for channel, watts in loaded.channels.items()
    ]
    frame = pd.concat(frames).dropna(subset="consumption")
    frame["timestamp"] = frame["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    output.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(output, index=False, float_format="%.6g")
    out.print(f"{len(frame):,} rows in {output}", soft_wrap=True)
