"""Timestamps for people and files: written as the input writes them, read from options."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np

from smartwatts_ml.errors import UsageError
from smartwatts_ml.localtime import local_time, wall_clock
from smartwatts_ml.readings.clock import to_utc
from smartwatts_ml.readings.stamps.forms import ISO, SERIAL, FileStamps
from smartwatts_ml.readings.stamps.writing import offset_seconds, write_form
from smartwatts_ml.timezones import is_utc

__all__ = ["StampForm", "parse_stamp"]

_DAY_S = 86_400
_SHAPE = re.compile(
    r"\d{4}-\d\d-\d\d(?P<separator>[ T])\d\d:\d\d(?P<seconds>:\d\d)?(?:\.\d+)?"
    r"(?P<space> ?)(?P<zone>Z|UTC|[+-]\d\d(?::?\d\d)?)?"
)


@dataclass(frozen=True)
class StampForm:
    """How a file writes a timestamp. ``zone`` is as in the sample, empty where naive;
    ``other`` is how it writes where that is not ISO 8601."""

    separator: str = "T"
    seconds: bool = True
    space: str = ""
    zone: str = ""
    other: FileStamps | None = None

    @classmethod
    def like(cls, stamps: FileStamps) -> StampForm:
        """The form in which a file writes; of dates or hours alone, with minutes all the
        same."""
        if stamps.form != ISO:
            return cls(other=stamps)
        match = _SHAPE.fullmatch(stamps.sample)
        if match is None:
            return cls()
        zone = match["zone"] or ""
        return cls(match["separator"], bool(match["seconds"]), match["space"], zone)

    def write(self, stamps: np.ndarray, timezone: str) -> list[str]:
        """UTC instants (datetime64[s], shape (n,)) in this form.

        Naive forms and offsets show the clock of ``timezone``; where that is UTC, an
        offset stays the sample's. A naive form has an offset where the clock shows it twice.

        >>> noon = np.array(["2026-07-01T12:00"], "M8[s]")
        >>> StampForm.like(FileStamps(ISO, sample="2026-01-01 00:00")).write(noon, "Europe/Paris")
        ['2026-07-01 14:00']
        >>> zoned = FileStamps(ISO, zoned=True, sample="2026-01-01T00:00+0100")
        >>> StampForm.like(zoned).write(noon, "Europe/Paris")
        ['2026-07-01T14:00+0200']
        >>> StampForm.like(FileStamps("%d/%m/%Y %H:%M")).write(noon, "UTC")
        ['01/07/2026 12:00']
        >>> autumn = np.array(["2026-10-25T00:30", "2026-10-25T01:30"], "M8[s]")
        >>> StampForm(seconds=False).write(autumn, "Europe/Paris")
        ['2026-10-25T02:30+02:00', '2026-10-25T02:30+01:00']
        """
        utc = np.asarray(stamps, "datetime64[s]")
        texts = self._written(utc, timezone)
        if self.is_naive:
            for place in np.flatnonzero(_is_twice(utc, timezone)).tolist():
                texts[place] = self._with_offset(texts[place], utc[place], timezone)
        return texts

    @property
    def has_offset(self) -> bool:
        """Whether what is written says how far the clock is from UTC, and may be on any."""
        if self.other is not None:
            return self.other.zoned
        return bool(self.zone) and self.zone not in {"Z", "UTC"}

    @property
    def is_naive(self) -> bool:
        """Whether nothing that is written says which clock it is on."""
        if self.other is not None:
            return not self.other.zoned and not self.other.is_epoch
        return not self.zone

    def _with_offset(self, text: str, utc: np.datetime64, timezone: str) -> str:
        """Where the clock shows it twice."""
        if self.other is not None and self.other.form != SERIAL:
            ahead = (local_time(np.array([utc]), timezone)[0] - utc).astype(np.int64)
            return f"{text} {StampForm(zone='+00:00')._zone(int(ahead))}"
        return replace(self, other=None, zone="+00:00")._written(np.array([utc]), timezone)[0]

    def _written(self, utc: np.ndarray, timezone: str) -> list[str]:
        if self.other is not None:
            return write_form(self.other, utc, timezone)
        if self.zone in {"Z", "UTC"}:
            local = utc
        elif self.zone and is_utc(timezone):
            local = utc + np.timedelta64(offset_seconds(self.zone), "s")
        else:
            local = local_time(utc, timezone)
        texts = np.datetime_as_string(local, "s" if self.seconds else "m")
        if not self.zone:
            return [text.replace("T", self.separator) for text in texts]
        ahead = (local - utc).astype(np.int64)
        return [
            text.replace("T", self.separator) + self.space + self._zone(int(offset))
            for text, offset in zip(texts, ahead, strict=True)
        ]

    def _zone(self, ahead_s: int) -> str:
        """The offset, written like the sample's (minutes only where needed or usual)."""
        if self.zone in {"Z", "UTC"}:
            return self.zone
        hours, minutes = divmod(abs(ahead_s) // 60, 60)
        sign = "-" if ahead_s < 0 else "+"
        if len(self.zone) == 3 and not minutes:
            return f"{sign}{hours:02}"
        return f"{sign}{hours:02}{':' if ':' in self.zone else ''}{minutes:02}"


def parse_stamp(text: str, timezone: str) -> np.datetime64:
    """An ISO 8601 date, or date and time, as UTC (datetime64[s]); naive ones are local. A date is
    the first instant of its day, which is not midnight where the clock skips that.

    >>> parse_stamp("2026-07-01", "Europe/Paris")
    np.datetime64('2026-06-30T22:00:00')
    """
    with suppress(ValueError):
        return _start_of(date.fromisoformat(text.strip()), timezone)
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{text!r} is no ISO 8601 date and time") from error
    if stamp.tzinfo is None:
        utc = to_utc(stamp, timezone)
    else:
        utc = stamp.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(utc, "s")


def _start_of(day: date, timezone: str) -> np.datetime64:
    """The first instant of a local day. Raises UsageError where the clock skips all of it."""
    cells = wall_clock(timezone).cells(np.datetime64(day, "s"), _DAY_S, 1)
    if not cells.seconds[0]:
        raise UsageError(f"{day} does not exist in {timezone}", fix="the clock jumps over it")
    return np.datetime64(cells.starts[0])


def _is_twice(utc: np.ndarray, timezone: str) -> np.ndarray:
    """Which instants (datetime64[s]) are in an hour that the clock shows twice; bool."""
    clock = wall_clock(timezone)
    return clock.to_utc(clock.to_wall(utc))[2]
