"""A file → its rows in blocks, and an account of each of its lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from smartwatts_ml.errors import BadInputError, SmartwattsError, UsageError
from smartwatts_ml.readings.clock import LocalClock, local_clock
from smartwatts_ml.readings.columns import CSV_COLUMNS
from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.formats.choice import open_reader
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.names import VALUE, plain_name, role_of
from smartwatts_ml.readings.mains.check import MainsCheck
from smartwatts_ml.readings.parsed import Parsed, ParsedBlock, split_part
from smartwatts_ml.readings.report import FileContents, FileReport
from smartwatts_ml.readings.site_clocks import FileClock
from smartwatts_ml.readings.source_check import check_source, fault_in_source
from smartwatts_ml.readings.sum_line import without_sum_line
from smartwatts_ml.sources import DEFAULTS, Defaults, Source
from smartwatts_ml.timezones import is_place

__all__ = ["FileScan"]

_KEPT_TEXT = 500
_STRAY = 100
"""A date is a slip where so many others say the contrary."""


class FileScan:
    """Iterate it once for the rows; what it says of lines holds after that.

    ``name`` is the file for people, ``key`` (if it is another) the path that sources are
    matched against; ``defaults`` holds where neither the source nor the file itself says it;
    ``mains`` has seen what its mains look like. ``part``: for people, that of the file which is
    being read and has line numbers of its own.
    Raises BadInputError where the file cannot be read as a whole, and SmartwattsError if a
    line got lost, which would be our mistake.
    """

    def __init__(
        self, path: Path, name: str, source: Source, defaults: Defaults = DEFAULTS, key: str = ""
    ) -> None:
        self.name = name
        self.key = key or name
        self.source = source
        self.missing = 0
        self.read = 0
        self.values = 0
        self.rejected: Counter[str] = Counter()
        self.rejected_values = 0
        self._blank = 0
        self._devices: set[str] = set()
        self._stamps: tuple[int, int] | None = None
        self._unsaid: set[str] = set()
        self._said = defaults.model_fields_set
        self.mains = MainsCheck(name, self.key, source, defaults)
        self._interpretation: Interpretation | None = None
        self.part = ""
        self._content = Content(path, name)
        self._reader = open_reader(self._content, source, defaults, self.key)

    @property
    def digest(self) -> str:
        return self._content.digest

    @property
    def lines(self) -> int:
        return self._reader.lines

    @property
    def header(self) -> int:
        """Lines that are no readings by their nature."""
        return self._reader.header

    @property
    def blank(self) -> int:
        return self._reader.blank + self._blank

    @property
    def interpretation(self) -> Interpretation:
        """What the file is taken for; where it has several parts, the one that is being read."""
        assert self._interpretation is not None
        return self._interpretation

    @property
    def clock(self) -> LocalClock | None:
        """That of naive stamps; None where it is UTC."""
        return local_clock(self.interpretation.timezone)

    @property
    def site_clock(self) -> FileClock:
        """What is said of the clock by which its sites live: that of its stamps, where that is one
        of a place and nobody says otherwise."""
        source, said, form = self.source, self.interpretation.mapping.said, self.interpretation
        fault_in_source = source.site_timezone or _place(source.timezone)
        of_file = said.site_timezone or _place(said.timezone)
        if "timezone" in form.above:
            of_file = of_file or _place(form.timezone)
        return FileClock(fault_in_source, of_file)

    @property
    def sites(self) -> frozenset[str]:
        """Those that have readings in it."""
        return frozenset(name.partition("/")[0] for name in self._devices)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns that were seen last, understood or not."""
        return self._reader.names

    @property
    def sample(self) -> Sequence[Sequence[str]]:
        """Some fields of each of these columns."""
        return self._reader.sample

    def facts(self) -> dict[str, str]:
        """What there is to say of the file as one of its format, by what it is about."""
        return self._reader.facts()

    def report(self) -> FileReport:
        """Where each line went, before duplicates are told from accepted rows."""
        return FileReport(
            key=self.name,
            lines=self.lines,
            header=self.header,
            blank=self.blank,
            missing=self.missing,
            read=self.read,
            values=self.values,
            accepted=self.values,
            rejected_lines=self.rejected.total() - self.rejected_values,
            rejected_values=self.rejected_values,
            reasons=dict(sorted(self.rejected.items())),
            digest=self.digest,
            stamps=self.interpretation.stamps_of_column,
            named=self._is_named_as_ours,
            timezone=self.interpretation.timezone,
            site_clock=self.site_clock,
            sites=self.sites,
            contents=self._contents(),
        )

    @property
    def _is_named_as_ours(self) -> bool:
        """Whether columns have our names, and no other has values that could be meant."""
        mapping = self.interpretation.mapping
        ours = {plain_name(name) for name in mapping.names} >= set(CSV_COLUMNS)
        return ours and VALUE not in map(role_of, mapping.ignored)

    def _contents(self) -> FileContents | None:
        if self._stamps is None:
            return None
        wholes = {split_part(name)[0] for name in self._devices}
        first, last = (f"{np.datetime64(us, 'us').astype('M8[s]')}Z" for us in self._stamps)
        return FileContents(
            layout=self.interpretation.mapping.layout,
            sites=len(self.sites),
            channels=len(wholes),
            first=first,
            last=last,
            unsaid=tuple(sorted(self._unsaid)),
            doubts=tuple(self._doubts()),
        )

    def _doubts(self) -> Iterator[str]:
        if self.interpretation.held_by_rows:
            yield "it writes on change, so that a value holds until the next (else: held = false)"
        for doubt in self.mains.doubts():
            yield str(doubt.args[0]).removeprefix(f"{self.name}: ")

    def __iter__(self) -> Iterator[ParsedBlock]:
        check_source(self.source, self.name)
        try:
            yield from self._blocks()
        except UsageError as error:
            if self.source.stamp is None:
                raise
            raise fault_in_source(self.source, self.name, error) from error
        except (duckdb.Error, pa.ArrowException) as error:
            raise BadInputError(
                f"{self.name} cannot be read: {str(error)[:_KEPT_TEXT]}",
                fix="leave out of it what is no reading, or split it",
            ) from error

    def _blocks(self) -> Iterator[ParsedBlock]:
        for part in self._reader.parts():
            self._interpretation, self.part = part.interpretation, part.name
            self._unsaid |= part.interpretation.unsaid - self._said
            for parsed in without_sum_line(part.blocks):
                yield self._counted(self._placed(parsed))
        if self._interpretation is None:
            raise BadInputError(
                f"{self.name} has no line with text in it", fix="add a header and readings"
            )
        self._check_one_order()
        self.mains.check()
        if not self.report().adds_up:
            raise SmartwattsError(f"{self.name}: lines got lost; nothing was taken")

    def _placed(self, parsed: ParsedBlock) -> ParsedBlock:
        """With the part of the file that rejected lines are of."""
        if not (self.part and parsed.rejected):
            return parsed
        return replace(parsed, rejected=[replace(r, part=self.part) for r in parsed.rejected])

    def _check_one_order(self) -> None:
        """Raises BadInputError where day and month change places: then other lines, which fit
        both orders, may be other dates than they were taken for."""
        swapped = self.rejected["stamp_swapped"]
        if swapped * _STRAY > self.values:
            form = self.interpretation.stamps
            raise BadInputError(
                f"{self.name}: most dates are like {form.sample!r} ({form.form}), but {swapped:,} "
                "have day and month the other way round",
                fix="split it into files of one form each",
            )

    def _counted(self, parsed: ParsedBlock) -> ParsedBlock:
        other = next((row for row in parsed.rejected if row.fault == "header_other"), None)
        if other is not None:
            raise BadInputError(
                f"{self.name}, line {other.line}: another header, with other columns",
                fix="split the file before that line",
            )
        self.read += parsed.read
        self.values += len(parsed)
        self._blank += parsed.blank
        self.missing += parsed.missing
        self.rejected.update(row.fault for row in parsed.rejected)
        self.rejected_values += sum(row.of_value for row in parsed.rejected)
        for rows in parsed.rows:
            self._saw(rows)
        return parsed

    def _saw(self, rows: Parsed) -> None:
        if len(rows):
            first, last = self._stamps or (int(rows.stamps[0]), int(rows.stamps[0]))
            self._stamps = min(first, int(rows.stamps.min())), max(last, int(rows.stamps.max()))
            self._devices.update(rows.names)
            self.mains.see(rows, self.interpretation)


def _place(timezone: str | None) -> str:
    return timezone if timezone and is_place(timezone) else ""
