"""``smartwatts readings compact``, ``drop`` and ``vacuum``: keeping the table in shape."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from smartwatts_ml.commands.common import RootOption
from smartwatts_ml.commands.console import out
from smartwatts_ml.commands.readings import open_readings
from smartwatts_ml.counted import counted
from smartwatts_ml.errors import UsageError
from smartwatts_ml.readings.ingest.workspace import Workspace
from smartwatts_ml.readings.table.compaction import compact as join_small_files
from smartwatts_ml.readings.table.retention import drop_before
from smartwatts_ml.runs.snapshot import pinned_versions

__all__ = ["compact", "drop", "vacuum"]

_DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")]


def compact(root: RootOption = None) -> None:
    """Join small files of the same month. Ingest does it by itself where many lie together.

    No reading changes. Example: smartwatts readings compact
    """
    table, before = open_readings(root)
    with Workspace() as work:
        gone = join_small_files(table, work.folder, enough=2)
    out.print(
        f"{counted(gone, 'small file')} joined; {before.rows:,} readings in "
        f"{counted(len(table.parts()), 'file')}"
    )


def drop(
    before: Annotated[str, typer.Option("--before", help="The first month that stays: 2024-05.")],
    dry_run: _DryRunOption = False,
    root: RootOption = None,
) -> None:
    """Take readings of old months out of the table.

    Runs that stand on an earlier snapshot keep reading it; `vacuum` frees the space once no
    run does. Example: smartwatts readings drop --before 2024-05
    """
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", before):
        raise UsageError(f"--before {before} is no month", fix="write it like 2024-05")
    table, _ = open_readings(root)
    if dry_run:
        rows = sum(part.rows for part in table.parts() if part.month < before)
        out.print(f"{rows:,} readings before {before} would go")
        return
    out.print(f"{drop_before(table, before):,} readings before {before} are gone")


def vacuum(
    hours: Annotated[
        int,
        typer.Option("--hours", min=0, help="Younger files stay: an ingest may be writing them."),
    ] = 168,
    dry_run: _DryRunOption = False,
    root: RootOption = None,
) -> None:
    """Delete files of the table that neither its newest snapshot nor any run needs.

    A run needs its snapshot for as long as runs/<run> is there. Killed ingests, compaction
    and `drop` leave such files. Example: smartwatts readings vacuum --dry-run
    """
    table, _ = open_readings(root)
    gone = table.vacuum(hours, pinned_versions(table.objects), dry_run=dry_run)
    out.print(f"{counted(len(gone), 'file')} {'would go' if dry_run else 'gone'}")
    for path in gone:
        out.print(f"  {path}", soft_wrap=True)
