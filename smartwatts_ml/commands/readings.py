"""``smartwatts ingest`` and ``smartwatts readings``: getting readings in, seeing what is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from smartwatts_ml.commands.common import (
    JsonOption,
    RootOption,
    err,
    out,
    print_json,
    progress_bar,
)
from smartwatts_ml.errors import BadInputError, NotFoundError, UsageError

if TYPE_CHECKING:
    from smartwatts_ml.readings.base import SiteSpan
    from smartwatts_ml.readings.faults import FileReport
    from smartwatts_ml.readings.table import ReadingsTable, Snapshot
    from smartwatts_ml.stages.ingest import IngestReport

__all__ = ["app", "ingest"]

app = typer.Typer(help="The readings that are kept: totals, sites, export.", no_args_is_help=True)

FILES_SHOWN = 40


def ingest(root: RootOption = None, as_json: JsonOption = False) -> None:
    """Add the CSV files in landing/ that are new to the readings.

    Files (.csv, .csv.gz, in folders below too) have the columns timestamp, consumption,
    device_id. Each content is added once, however often this runs. Rows that cannot be
    used go to quarantine/, with line and reason; exit code 3 says that a whole file
    could not be read.

    Example: cp readings-2026-11.csv .local/smartwatts/landing/ && smartwatts ingest
    """
    from smartwatts_ml.objects import open_root
    from smartwatts_ml.settings import settings
    from smartwatts_ml.stages.ingest import ingest as run

    current = settings(root=root)
    objects = open_root(current.root)
    with progress_bar("ingest") as report_progress:
        report = run(objects, current, report_progress)
    if as_json:
        print_json(report.to_json())
    else:
        _print_ingest(report, objects.uri)
    if report.left:
        names = ", ".join(file.key for file in report.left[:3])
        raise BadInputError(f"{len(report.left)} files could not be read: {names}")


def _print_ingest(report: IngestReport, uri: Any) -> None:
    if report.files:
        out.print(_files_table(report.files))
    if len(report.files) > FILES_SHOWN:
        out.print(f"… and {len(report.files) - FILES_SHOWN} more files; --json tells all")
    for file in report.files:
        if file.left:
            out.print(f"left: {file.left}", soft_wrap=True)
        elif file.same_as:
            out.print(f"{file.key}: {file.reason}", soft_wrap=True)
        if file.rejected:
            out.print(f"{file.key}: {file.why_rejected()}", soft_wrap=True)
            out.print(f"    kept in {uri(file.quarantine_key)}", soft_wrap=True)
    for key in report.ignored:
        err.print(f"ignored: {key} is neither .csv nor .csv.gz", soft_wrap=True)
    known = f", {report.unchanged} files known from before" if report.unchanged else ""
    out.print(
        f"{report.accepted:,} readings added, {report.rejected:,} rejected{known}. "
        f"Now {_in_words(report.snapshot)}.",
        soft_wrap=True,
    )


def _files_table(files: tuple[FileReport, ...]) -> Table:
    table = Table("file")
    for name in ("rows", "accepted", "duplicate", "rejected"):
        table.add_column(name, justify="right")
    ranked = sorted(files, key=lambda file: (not file.left, not file.rejected))
    for file in ranked[:FILES_SHOWN]:
        counts = (file.rows_total, file.accepted, file.duplicate, file.rejected)
        shown = ("left",) if file.left else (f"{count:,}" for count in counts)
        table.add_row(file.key, *shown)
    return table


def _in_words(snapshot: Snapshot) -> str:
    if not snapshot.rows:
        return "the readings are empty"
    return (
        f"{snapshot.rows:,} readings of {snapshot.sites} sites, {snapshot.start} to "
        f"{snapshot.end} (version {snapshot.version})"
    )


def _open(root: str | None) -> tuple[ReadingsTable, Snapshot]:
    from smartwatts_ml.objects import open_root
    from smartwatts_ml.readings.table import open_table
    from smartwatts_ml.settings import settings

    current = settings(root=root)
    table = open_table(open_root(current.root), current)
    return table, table.snapshot()


@app.command()
def stats(root: RootOption = None, as_json: JsonOption = False) -> None:
    """Totals, and each site's channels, span and coverage.

    Example: smartwatts readings stats --json
    """
    table, snapshot = _open(root)
    spans = table.readings(snapshot).spans()
    if as_json:
        sites = [_span_json(span) for span in spans]
        print_json({"snapshot": snapshot.to_json(), "sites": sites})
        return
    out.print(_in_words(snapshot), soft_wrap=True)
    if spans:
        out.print(_sites_table(spans))


def _coverage(span: SiteSpan) -> float | None:
    """Readings there are, of those that the site's span could hold at its spacing."""
    if not span.native_s:
        return None
    seconds = float((span.end - span.start) / _second())
    return min(1.0, span.rows * span.native_s / (seconds * len(span.channels)))


def _second() -> Any:
    import numpy as np

    return np.timedelta64(1, "s")


def _span_json(span: SiteSpan) -> dict[str, Any]:
    return {
        "site": span.site,
        "channels": list(span.channels),
        "start": f"{span.start}Z",
        "end": f"{span.end}Z",
        "rows": span.rows,
        "native_s": span.native_s,
        "coverage": _coverage(span),
    }


def _sites_table(spans: tuple[SiteSpan, ...]) -> Table:
    table = Table("site", "channels", *(Column(name, no_wrap=True) for name in ("from", "to")))
    for name in ("spacing", "readings", "coverage"):
        table.add_column(name, justify="right")
    for span in spans:
        coverage = _coverage(span)
        table.add_row(
            span.site,
            ", ".join(span.channels),
            str(span.start)[:16],
            str(span.end)[:16],
            f"{span.native_s} s" if span.native_s else "?",
            f"{span.rows:,}",
            "?" if coverage is None else f"{coverage:.0%}",
        )
    return table


@app.command()
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
    import pandas as pd

    from smartwatts_ml.readings.base import device_id

    table, snapshot = _open(root)
    readings = table.readings(snapshot)
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
