"""The database that casts text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import duckdb

from smartwatts_ml.errors import UsageError

__all__ = ["database", "strptime_sql", "text_sql"]

_MEMORY = "256MB"
_UNUSABLE = (duckdb.FatalException, duckdb.InternalException, duckdb.ConnectionException)
"""After these a database takes no query any more."""


@contextmanager
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the one of the process, which is opened anew where an error has made it
    unusable: what one file did to it is nothing to the next."""
    opened = _opened()
    try:
        with opened.cursor() as connection:
            yield connection
    except _UNUSABLE:
        _opened.cache_clear()
        raise


@cache
def _opened() -> duckdb.DuckDBPyConnection:
    """It never holds more than the blocks that are being judged."""
    return duckdb.connect(
        config={
            "memory_limit": _MEMORY,
            "threads": 1,
            # It must not go to the network. Without the ICU extension, instants that are cast
            # to stamps are UTC on any machine.
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )


def text_sql(text: str) -> str:
    """A text as a literal of SQL.

    >>> text_sql("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def strptime_sql(column: str, form: str) -> str:
    """A column of text as TIMESTAMP, null where it is not of the form.

    Raises UsageError if that is no form of strptime.
    """
    stamp = f"try_strptime({column}, {text_sql(form)})::TIMESTAMP"
    _check_form(form)
    return stamp


@cache
def _check_form(form: str) -> None:
    with database() as connection:
        try:
            connection.execute(f"SELECT try_strptime('', {text_sql(form)})")
        except duckdb.Error as error:
            raise UsageError(
                f"{form!r} is no form of timestamps", fix="give a source's stamp as in strptime"
            ) from error
