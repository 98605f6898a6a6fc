"""A file of records → records, with every physical line accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Generic

from smartwatts_ml.counted import counted_reasons
from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.ingest.quarantine import Quarantine
from smartwatts_ml.readings.report import Rejected, quarantine_key
from smartwatts_ml.records.lines import (
    LINE_BYTES,
    RecordHeader,
    UnfitError,
    fields_of_csv,
    fields_of_json,
    header_of,
)
from smartwatts_ml.records.sort import RecordT, Sort

__all__ = ["RecordFile", "RecordReport", "read_records"]

_FILE_BYTES = 64 << 20
"""Most bytes of a file, unpacked."""
_FILE_LINES = 500_000
_FROM_ONE_SOURCE = 1000
"""Most lines of one gateway, or one home, in a file: of five models once a day, 200 days."""
_TEXT_SHOWN = 200
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class RecordReport:
    """What became of one file: header + blank + accepted + duplicate + rejected = lines.

    Blank are lines without content, and those that leave open what they are for. A duplicate says
    what was said of the same before; of those accepted, ``changed`` say something else, and
    ``clamped`` are from the future and count as of when the file arrived. ``reasons``: rejected
    lines by why. ``left``: why nothing was taken of the file.
    """

    key: str
    lines: int = 0
    header: int = 0
    blank: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    changed: int = 0
    clamped: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""
    left: str | None = None

    @property
    def adds_up(self) -> bool:
        """Whether every line is accounted for."""
        parts = self.header + self.blank + self.accepted + self.duplicate + self.rejected
        return parts == self.lines

    def settled(self, duplicate: int, changed: int = 0) -> RecordReport:
        """So many of those that were accepted say what the table has, so many something else."""
        return replace(
            self,
            accepted=self.accepted - duplicate,
            duplicate=self.duplicate + duplicate,
            changed=changed,
        )

    def why_rejected(self) -> str:
        """The most common reasons, for people."""
        return counted_reasons(self.reasons)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"quarantine": quarantine_key(self.digest) if self.rejected else None}


@dataclass(frozen=True)
class RecordFile(Generic[RecordT]):
    """The records of a file, in their order, and what became of its lines."""

    records: list[RecordT]
    report: RecordReport


def read_records(
    sort: Sort[RecordT], path: Path, key: str, arrived: datetime, quarantine: Quarantine
) -> RecordFile[RecordT]:
    """Read a file of JSON lines or of CSV with a header, plain, .gz or .zst. What is rejected goes
    to ``quarantine``. Raises BadInputError where nothing of it can be used.

    ``arrived``: when the file came, by the root's clock; a record from later counts as of then.
    """
    content = Content(path, key)
    is_json = content.start.removeprefix(_BOM).lstrip()[:1] == b"{"
    lines = _Lines(sort, is_json, quarantine)
    records: list[RecordT] = []
    clamped = 0
    for number, line, cut in _physical_lines(content):
        record = lines.take(number, line, cut)
        if record is not None:
            counted = sort.as_of(record, arrived)
            clamped += counted is not record
            records.append(counted)
    report = RecordReport(
        key,
        lines.count,
        lines.header,
        lines.blank,
        len(records),
        rejected=lines.reasons.total(),
        clamped=clamped,
        reasons=dict(sorted(lines.reasons.items())),
        digest=content.digest,
    )
    if not records and report.rejected:
        raise BadInputError(
            f"{key} has none of the {sort.name}: {report.why_rejected()}", fix=sort.fix
        )
    return RecordFile(records, report)


class _Lines(Generic[RecordT]):
    """What each line is, and how many there are of each sort."""

    def __init__(self, sort: Sort[RecordT], is_json: bool, quarantine: Quarantine) -> None:
        self._sort = sort
        self._is_json = is_json
        self._quarantine = quarantine
        self._header: RecordHeader | None = None
        self._by_source: Counter[str] = Counter()
        self.count = self.header = self.blank = 0
        self.reasons: Counter[str] = Counter()

    def take(self, number: int, line: bytes, cut: bool) -> RecordT | None:
        """The record of a line; None where it has none, and why is counted."""
        self.count += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if not line.strip():
            self.blank += 1
            return None
        try:
            return self._record(line, cut)
        except UnfitError as why:
            text = line[:_TEXT_SHOWN].decode(errors="replace").strip()
            self._quarantine.add([Rejected(number, str(why), text)])
            self.reasons[str(why)] += 1
            return None

    def _record(self, line: bytes, cut: bool) -> RecordT | None:
        if len(line) > LINE_BYTES:
            raise UnfitError(f"is longer than {LINE_BYTES} bytes")
        sort = self._sort
        if not self._is_json and self._header is None:
            self._header = header_of(line, sort.needed | sort.open_fields)
            self.header += 1
            return None
        record = sort.read(self._fields(line, cut))
        if record is None:
            self.blank += 1
            return None
        source = sort.source(record)
        self._by_source[source] += 1
        if self._by_source[source] > _FROM_ONE_SOURCE:
            raise UnfitError(
                f"is beyond the {_FROM_ONE_SOURCE} lines that one source may have in a file"
            )
        return record

    def _fields(self, line: bytes, cut: bool) -> dict[str, Any]:
        needed = self._sort.needed
        if self._header is None:
            return fields_of_json(line, needed, self._sort.open_fields)
        if cut and self._header.columns[-1] not in self._sort.whole:
            raise UnfitError("is cut off: the file ends without the end of its line")
        return fields_of_csv(line, self._header, needed)


def _physical_lines(content: Content) -> Iterator[tuple[int, bytes, bool]]:
    """Number, bytes (of a line that is too long only its start) and whether the file ends in it."""
    number, size, start = 0, 0, b""
    for piece in content.pieces():
        size += len(piece)
        if size > _FILE_BYTES or number + piece.count(b"\n") > _FILE_LINES:
            raise BadInputError(
                f"{content.name} has more than {_FILE_BYTES >> 20} MiB or {_FILE_LINES:,} lines",
                fix="split it",
            )
        *whole, rest = piece.split(b"\n")
        for line in whole:
            number += 1
            yield number, start + line[: LINE_BYTES + 1], False
            start = b""
        start = (start + rest)[: LINE_BYTES + 1]
    if start:
        yield number + 1, start, True
