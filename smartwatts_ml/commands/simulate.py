"""smartwatts simulate: synthetic homes, as files that ``ingest`` takes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from smartwatts_ml.commands.common import JsonOption, SeedOption, print_json, progress_bar
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.counted import counted
from smartwatts_ml.simulate import SimulationReport
from smartwatts_ml.simulate import simulate as write_homes

__all__ = ["simulate"]


def simulate(
    homes: Annotated[int, typer.Option("--homes", min=1, help="Number of homes.")],
    days: Annotated[int, typer.Option("--days", min=1, help="Days of readings.")],
    out_dir: Annotated[
        Path, typer.Option("--out", file_okay=False, help="Folder to write to, e.g. a landing.")
    ],
    seed: SeedOption = 0,
    submetered: Annotated[
        int | None,
        typer.Option(
            "--submetered",
            min=0,
            help="Homes with five sub-metered appliances, of 300 s and more also large loads; the "
            "others have mains every 15 minutes, or a longer --period. Default: a third, at "
            "least one.",
            show_default=False,
        ),
    ] = None,
    period: Annotated[
        int, typer.Option("--period", min=1, help="Seconds between readings of sub-metered homes.")
    ] = 60,
    start: Annotated[
        datetime, typer.Option("--start", formats=["%Y-%m-%d"], help="First day, UTC.")
    ] = datetime(2026, 1, 1),
    solar: Annotated[
        float, typer.Option("--solar", min=0, max=1, help="Share of homes with solar panels.")
    ] = 0.0,
    clean: Annotated[
        bool, typer.Option("--clean", help="No outages, gaps, duplicates, late or bad rows.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write simulated homes as CSV.gz, a folder a home, a file a month.

    Stamps are UTC, consumption is W. The same options write the same bytes. To go on
    where a run ended, give the same seed and homes and its end as --start.
    """
    with progress_bar("simulate") as progress:
        report = write_homes(
            homes,
            days,
            out_dir,
            seed,
            submetered=submetered,
            period_s=period,
            start=start.date(),
            solar_share=solar,
            clean=clean,
            progress=progress,
        )
    if as_json:
        print_json(report.to_json())
    else:
        _show(report)


def _show(report: SimulationReport) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for title in ("home", "meters", "also has"):
        table.add_column(title, no_wrap=title != "also has")
    for title in ("mean W", "rows", "lost", "twice", "bad", "late"):
        table.add_column(title, justify="right", no_wrap=True)
    for home in report.homes:
        table.add_row(
            home.site,
            f"{len(home.channels)} × {home.period_s} s",
            ", ".join(home.extras).replace("_", " "),
            f"{home.mean_w:.0f}",
            f"{home.rows:,}",
            f"{home.missing:,}",
            f"{home.duplicates:,}",
            f"{home.malformed:,}",
            "file" if home.late_file else "",
        )
    out.print(table)
    err.print(
        f"{report.rows:,} rows from {report.start} up to {report.end} in "
        f"{counted(report.files, 'file')}, "
        f"{report.bytes / 1e6:.1f} MB, in {report.out}",
        soft_wrap=True,
    )
