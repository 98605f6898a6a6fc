"""How long each interval lasts, where a file writes its end or its length."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from smartwatts_ml.readings.clock import LocalClock

__all__ = ["LONGEST_US", "durations", "lengths_of"]

_DAY_US = 86_400_000_000
LONGEST_US = _DAY_US + 3_600_000_000
"""A day of 25 hours."""
_HOUR_US = 3_600_000_000
_MINUTE_US = 60_000_000
_ROUND_US = 5 * _MINUTE_US
_LENGTH_PARTS = r"P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?"
_ISO_LENGTH = re.compile(_LENGTH_PARTS, re.IGNORECASE)
_WORDED = re.compile(
    r"(\d{1,9}(?:\.\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?)?", re.IGNORECASE
)
_WORDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def durations(
    stamps: np.ndarray,
    local: np.ndarray,
    until: np.ndarray,
    until_local: np.ndarray,
    good: np.ndarray,
    clock: LocalClock | None,
    borrowed: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts (µs, on the clock they were on), seconds (NaN where nothing tells), and which
    intervals are longer than a day; each of shape (n,).

    ``until`` µs, -1 where it is missing. ``borrowed``: its date is that of the start, so an end
    before the start is of the next day. A file whose ends are the last minute of an interval
    (00:00 to 00:59) is seen by its most common length.
    """
    there = good & (until >= 0)
    starts, first = _utc(stamps, local, clock, ends=False)
    stops, last = _utc(until, until_local, clock, ends=True)
    apart = length = np.where(there, stops - starts, 0)
    if borrowed:
        next_day = np.where(apart <= 0, until + _DAY_US, until)
        stops, _ = _utc(next_day, until_local, clock, ends=True)
        length = np.where(there, stops - starts, 0)
    usual = _most_common(length[there & (length > 0)])
    if usual and usual % _ROUND_US == _ROUND_US - _MINUTE_US:
        length = np.where(there, length + _MINUTE_US, length)
        usual += _MINUTE_US
    repeated = there & (first | last)
    if usual and repeated.any():
        for shift in (_HOUR_US, -_HOUR_US):  # one of the two is in the second hour
            length = np.where(repeated & (apart == usual - shift), usual, length)
        if borrowed:
            # The first interval after the clock went back may begin with the old hour.
            odd = repeated & (length > usual + _DAY_US // 2)
            stamps = np.where(odd, until - usual, stamps)
            length = np.where(odd, usual, length)
    seconds = np.where(there & (length > 0), length / 1e6, np.nan)
    return stamps, seconds, there & (length > LONGEST_US)


def _utc(
    stamps: np.ndarray, local: np.ndarray, clock: LocalClock | None, *, ends: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Stamps in UTC, and which of them the clock shows twice."""
    if clock is None:
        return stamps, np.zeros(len(stamps), bool)
    utc, _, fold = clock.to_utc(stamps, ends)
    return np.where(local, utc, stamps), local & fold


def _most_common(lengths: np.ndarray) -> int:
    if not len(lengths):
        return 0
    values, counts = np.unique(lengths, return_counts=True)
    return int(values[np.argmax(counts)])


def lengths_of(texts: pa.ChunkedArray) -> np.ndarray:
    """Seconds of lengths like PT1H, PT15M, 900 or 15 min; NaN where it is none; shape (n,).

    >>> lengths_of(pa.chunked_array([["PT1H", "PT15M", "30 min", "900", "", "0"]]))
    array([3600.,  900., 1800.,  900.,   nan,   nan])
    """
    encoded = texts.combine_chunks().dictionary_encode()
    seconds = np.array([_length(text) for text in encoded.dictionary.to_pylist()] or [np.nan])
    seconds[seconds == 0] = np.nan
    return seconds[encoded.indices.to_numpy(zero_copy_only=False)]


def _length(text: str) -> float:
    iso = _ISO_LENGTH.fullmatch(text.strip())
    if iso and any(iso.groups()):
        days, hours, minutes, seconds = (int(part or 0) for part in iso.groups())
        return float(days * 86_400 + hours * 3600 + minutes * 60 + seconds)
    worded = _WORDED.fullmatch(text.strip())
    if worded is None:
        return float("nan")
    return float(worded[1]) * _WORDS[(worded[2] or "").lower()[:1]]
