"""``smartwatts readings reread``: files that were taken for the wrong thing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smartwatts_ml.commands.common import (
    JsonOption,
    RootOption,
    open_objects,
    print_json,
    progress_bar,
)
from smartwatts_ml.commands.readings import as_it_is, check_none_left, print_ingest
from smartwatts_ml.errors import UsageError
from smartwatts_ml.readings.ingest.landing import LANDING
from smartwatts_ml.stages.ingest import reread as read_again

__all__ = ["reread"]


def reread(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Files of landing/, or patterns of their paths below it: 'berlin/*'.",
            show_default=False,
        ),
    ] = None,
    outdated: Annotated[
        bool,
        typer.Option(
            "--all-changed",
            help="All files of which settings or layouts say something else by now.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Take mains as files have it, as `ingest --yes` does.")
    ] = False,
    drop: Annotated[
        bool,
        typer.Option(
            "--drop",
            help="Of files that cannot be read now, or are gone from landing/, the readings keep "
            "nothing.",
        ),
    ] = False,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read files of landing/ again, in the place of what the readings have of them.

    What is said of a file (unit, timezone, columns) holds when it is read; `ingest` says
    where that has changed since. The old rows go and the new ones come in one step; earlier
    snapshots keep what they had. Exit code 3 says that a file could not be read: then the
    readings keep what they have of it, but for --drop.

    Example: smartwatts readings reread 'berlin/*'
    """
    if not files and not outdated:
        raise UsageError("nothing to read again", fix="name files, or give --all-changed")
    objects, current = open_objects(root)
    if yes:
        current = as_it_is(root, current)
    landing = Path(objects.uri(LANDING[:-1]))
    patterns = [_below(landing, file) for file in files or ()]
    with progress_bar("reread") as report_progress:
        report = read_again(
            objects, current, patterns, report_progress, outdated=outdated, drop=drop
        )
    if as_json:
        print_json(report.to_json())
    else:
        print_ingest(report, objects.uri, current)
    check_none_left(report)


def _below(landing: Path, file: str) -> str:
    """A path below landing/, also where it was given as one of this machine, or of the root."""
    path = Path(file).absolute()
    if path.is_relative_to(landing):
        return path.relative_to(landing).as_posix()
    return file.removeprefix(LANDING)
