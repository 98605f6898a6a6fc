"""Why nothing is taken of a file."""

from __future__ import annotations

from collections.abc import Sequence

from smartwatts_ml.errors import (
    BadInputError,
    ChangedError,
    NotFoundError,
    StoreError,
    UsageError,
)
from smartwatts_ml.readings.report import FileReport

__all__ = ["changed_meanwhile", "is_passing", "is_the_files_fault", "of_version_1", "unusable"]

_SHOWN = 8


def is_the_files_fault(error: BadInputError | StoreError) -> bool:
    """Whether other files may still work: it is bad, gone, or may not be read."""
    return isinstance(error, BadInputError | ChangedError | NotFoundError) or isinstance(
        error.__cause__, PermissionError
    )


def is_passing(error: BadInputError | StoreError) -> bool:
    """Whether it says nothing of what is in a file: it could not be read this time, or settings
    are wrong."""
    return isinstance(error, StoreError) or isinstance(error.__cause__, UsageError)


def changed_meanwhile(key: str) -> ChangedError:
    """Somebody writes the file."""
    return ChangedError(f"{key} changed while it was read", fix="try again later")


def unusable(report: FileReport, registers: Sequence[str] = ()) -> BadInputError:
    """Nothing in the file can be used. ``registers``: those that it has of meters."""
    why = "at no time do all registers have a value" if report.incomplete else "none has a value"
    problem = f"{report.key}: no usable reading: {report.why_rejected() or why}"
    if report.reasons.keys() == {"fold_untold"}:
        fix = "write its timestamps with offsets, or put the hours next to it into the same file"
        return BadInputError(problem, fix=fix)
    if not (report.incomplete or "part_alone" in report.reasons):
        fix = "`smartwatts ingest --explain` shows what it is taken for"
        return BadInputError(problem, fix=fix)
    shown = ", ".join(registers[:_SHOWN]) + (", …" if len(registers) > _SHOWN else "")
    return BadInputError(
        f"{problem} (registers: {shown})",
        fix="put all registers of a meter into one file, or say in its source's channels that "
        'one of them is all of it: {"…" = "mains"} instead of "+mains" or "-mains"',
    )


def of_version_1(key: str) -> BadInputError:
    """It cannot be told which rows are those of the file."""
    return BadInputError(
        f"{key} was taken by version 1.0, which did not keep which rows are its own",
        fix="to read it again, move readings/ away and ingest landing/ anew",
    )
