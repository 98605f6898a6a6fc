"""Timestamps of a form as expressions of SQL."""

from __future__ import annotations

from smartwatts_ml.readings.stamps.casts import strptime_sql
from smartwatts_ml.readings.stamps.forms import EPOCHS, ISO, FileStamps

__all__ = ["local_sql", "stamp_sql"]

_LOCAL = r"\d{4}-\d\d-\d\d([ T]\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?"
_ZONED = _LOCAL + r" ?(Z|UTC|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)"
_OFFSET = r"[+-]\d\d(:?\d\d)?$"
_EPOCH = r"\d+(\.\d*)?"
_FARTHEST_US = 9e18
"""Later stamps count as this one, which is out of range, too."""


def stamp_sql(text: str, stamps: FileStamps) -> str:
    """A column of text as TIMESTAMP: UTC where the text says an offset or is an epoch, else on
    the clock of the file; null where it is not of the form."""
    if stamps.form in EPOCHS:
        return f"""
        CASE WHEN regexp_full_match({text}, '{_EPOCH}')
            THEN make_timestamp(least(round_even(try_cast({text} AS DOUBLE)
                * {EPOCHS[stamps.form]}, 0), {_FARTHEST_US})::BIGINT) END"""
    if stamps.form != ISO:
        return strptime_sql(text, stamps.form)
    digits = f"replace(regexp_extract({text}, '{_OFFSET}'), ':', '')"
    minutes = f"""(coalesce(try_cast(substr({digits}, 2, 2) AS INTEGER), 0) * 60
        + coalesce(try_cast(substr({digits}, 4, 2) AS INTEGER), 0))
        * CASE WHEN left({digits}, 1) = '-' THEN -1 ELSE 1 END"""
    return f"""
        CASE WHEN regexp_full_match({text}, '{_LOCAL}') THEN {_iso(text)}
            WHEN regexp_full_match({text}, '{_ZONED}')
            THEN {_iso(f"regexp_extract({text}, '{_LOCAL}')")} - to_minutes({minutes}) END"""


def local_sql(text: str, stamps: FileStamps) -> str:
    """Whether a stamp is on the clock of the file."""
    if stamps.form in EPOCHS:
        return "false"
    if stamps.form != ISO:
        return str(not stamps.zoned).lower()
    return f"regexp_full_match({text}, '{_LOCAL}')"


def _iso(text: str) -> str:
    """A stamp without offset; of an hour alone, its start."""
    return f"try_cast({text} || CASE WHEN length({text}) = 13 THEN ':00' ELSE '' END AS TIMESTAMP)"
