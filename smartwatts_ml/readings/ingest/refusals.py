"""Why nothing is taken of a file."""

from __future__ import annotations

from smartwatts_ml.errors import BadInputError, NotFoundError, StoreError
from smartwatts_ml.readings.report import FileReport

__all__ = ["changed_meanwhile", "is_the_files_fault", "of_version_1", "unusable"]


def is_the_files_fault(error: BadInputError | StoreError) -> bool:
    """Whether other files may still work: it is bad, gone, or may not be read."""
    return isinstance(error, BadInputError | NotFoundError) or isinstance(
        error.__cause__, PermissionError
    )


def changed_meanwhile(key: str) -> BadInputError:
    """Somebody writes the file."""
    return BadInputError(f"{key} changed while it was read", fix="try again later")


def unusable(report: FileReport) -> BadInputError:
    """Nothing in the file can be used."""
    why = "none is whole: parts of each are missing" if report.netted else "none has a value"
    return BadInputError(
        f"{report.key}: no usable reading: {report.why_rejected() or why}",
        fix="`smartwatts ingest --explain` shows what it is taken for",
    )


def of_version_1(key: str) -> BadInputError:
    """It cannot be told which rows are those of the file."""
    return BadInputError(
        f"{key} was taken by version 1.0, which did not keep which rows are its own",
        fix="to read it again, move readings/ away and ingest landing/ anew",
    )
