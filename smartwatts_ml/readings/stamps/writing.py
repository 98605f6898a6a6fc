"""Instants written in the form of a file that does not use ISO 8601."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

import numpy as np

from smartwatts_ml.localtime import local_time
from smartwatts_ml.readings.stamps.forms import EPOCHS, SERIAL, FileStamps
from smartwatts_ml.readings.stamps.grammar import split_form
from smartwatts_ml.readings.stamps.words import months_like
from smartwatts_ml.timezones import is_utc, word_at

__all__ = ["offset_seconds", "write_form"]

_DAYS_TO_1970 = 25_569
"""From the first day of spreadsheets on."""
_DAY_S = 86_400


def write_form(stamps: FileStamps, utc: np.ndarray, timezone: str) -> list[str]:
    """UTC instants (datetime64[s], shape (n,)) in a form other than ISO 8601; of a range, its
    start.

    >>> noon = np.array(["2026-03-01T12:00"], "M8[s]")
    >>> german = FileStamps("%d. %b. %Y %H:%M", sample="5. Mai. 2026 00:00", language="German")
    >>> write_form(german, noon, "Europe/Berlin")
    ['01. Mär. 2026 13:00']
    """
    if stamps.is_epoch:
        scale = 1e6 / EPOCHS[stamps.form]
        return [str(round(second * scale)) for second in utc.astype(np.int64).tolist()]
    local = _local(stamps, utc, timezone)
    if stamps.form == SERIAL:
        days = local.astype(np.int64) / _DAY_S + _DAYS_TO_1970
        return [f"{day:.9f}" for day in days.tolist()]
    pieces, special = _start(stamps), _special(stamps, timezone)
    ahead = (local - utc).astype(np.int64).tolist()
    return [
        "".join(_piece(code, text, stamp, offset, special) for code, text in pieces)
        for stamp, offset in zip(local.tolist(), ahead, strict=True)
    ]


def offset_seconds(offset: str) -> int:
    """Seconds of an offset.

    >>> offset_seconds("-05:30"), offset_seconds("+02"), offset_seconds("Z")
    (-19800, 7200, 0)
    """
    match = re.search(r"([+-])(\d{1,2}?)(?::?(\d\d))?$", offset)
    if match is None:
        return 0
    size = int(match[2]) * 3600 + int(match[3] or 0) * 60
    return -size if match[1] == "-" else size


_Special = Mapping[str, Callable[[datetime, int], str]]


def _local(stamps: FileStamps, utc: np.ndarray, timezone: str) -> np.ndarray:
    """What the clock of the file shows: where nobody said a timezone, that of the sample."""
    if not is_utc(timezone):
        return local_time(utc, timezone)
    ahead = offset_seconds(_sample_part(stamps, "z"))
    minutes = dict(stamps.zones).get(_sample_part(stamps, "Z").upper(), 0)
    return utc + np.timedelta64(ahead + 60 * minutes, "s")


def _start(stamps: FileStamps) -> list[tuple[str, str]]:
    """Codes and texts up to the end of a range, and without it."""
    pieces: list[tuple[str, str]] = []
    for code, text in split_form(stamps.form, padded=False):
        if code and code in {known for known, _ in pieces}:
            return pieces[:-1]
        pieces.append((code, text))
    return pieces


def _piece(code: str, text: str, stamp: datetime, ahead: int, special: _Special) -> str:
    if not code:
        return text
    write = special.get(code)
    return stamp.strftime(f"%{code}") if write is None else write(stamp, ahead)


def _special(stamps: FileStamps, timezone: str) -> _Special:
    """How codes are written that strftime writes otherwise than the file."""
    months = months_like(_sample_part(stamps, "b"), stamps.language)
    half = _sample_part(stamps, "p") or "AM"
    zone = _sample_part(stamps, "z")
    word = _sample_part(stamps, "Z")
    said = is_utc(timezone)  # by the file alone

    def zone_word(stamp: datetime, ahead: int) -> str:
        return word if said else word_at(timezone, _epoch(stamp) - ahead) or word

    return {
        "b": lambda stamp, _: months[stamp.month - 1],
        "p": lambda stamp, _: _like(half, "a" if stamp.hour < 12 else "p"),
        "z": lambda _, ahead: _offset(ahead, zone),
        "Z": zone_word,
    }


def _epoch(local: datetime) -> int:
    return int((local - datetime(1970, 1, 1)).total_seconds())


def _like(half: str, letter: str) -> str:
    return (letter.upper() if half[:1].isupper() else letter) + half[1:]


def _offset(ahead: int, sample: str) -> str:
    """An offset, written like the sample's.

    >>> _offset(3600, "+02:00"), _offset(-19800, "-0500"), _offset(0, "Z"), _offset(7200, "+01")
    ('+01:00', '-0530', 'Z', '+02')
    """
    if sample.upper() == "Z" and not ahead:
        return sample
    hours, minutes = divmod(abs(ahead) // 60, 60)
    sign = "-" if ahead < 0 else "+"
    start = "".join(letter for letter in sample if letter.isalpha() and letter not in "Zz")
    short = len(re.sub(r"\D", "", sample)) in (1, 2) and not minutes
    mark = ":" if ":" in sample else ""
    return f"{start}{sign}{hours:02}" + ("" if short else f"{mark}{minutes:02}")


def _sample_part(stamps: FileStamps, code: str) -> str:
    """What the sample has where the form has a code; empty where there is none."""
    grammar = stamps.grammar
    match = grammar.match(stamps.sample) if grammar is not None else None
    return match[grammar.places[code]] if grammar and match and code in grammar.places else ""
