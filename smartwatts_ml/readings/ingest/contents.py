"""Contents that the table has, by digest: as which file it took each, and for what."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from smartwatts_ml.jsontext import json_text, parsed
from smartwatts_ml.objects import ObjectInfo
from smartwatts_ml.readings.ingest.ledger import Known, Ledger
from smartwatts_ml.readings.ingest.taken_for import TakenFor
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.table.log import commit_notes
from smartwatts_ml.readings.table.table import ReadingsTable

__all__ = ["Contents", "note_of"]

_NOTE = "smartwatts.files"


@dataclass(frozen=True)
class _Content:
    key: str
    accepted: int
    taken_for: str


@dataclass(frozen=True)
class _Note:
    """What a commit says of the files it took, by digest."""

    contents: dict[str, _Content] = field(default_factory=dict)
    taken_for: dict[str, TakenFor] = field(default_factory=dict)


def note_of(files: Iterable[tuple[FileReport, TakenFor]]) -> dict[str, str]:
    """What a commit has to say of the files that it takes."""
    note = _Note()
    for report, taken_for in files:
        content = _Content(report.key, report.accepted, taken_for.name)
        note.contents[report.digest] = content
        note.taken_for[taken_for.name] = taken_for
    return {_NOTE: json_text(note)}


class Contents:
    """``landed``: keys of what lies in landing/. What the ledger does not know is looked up in
    the table's log, once."""

    def __init__(self, ledger: Ledger, table: ReadingsTable, landed: Collection[str]) -> None:
        self.taken_for: dict[str, TakenFor] = {}
        self._table = table
        self._landed = landed
        self._log = commit_notes(table.objects, _NOTE)
        self._contents: dict[str, _Content] = {}
        for key, known in ledger.files.items():
            if known.taken_for or known.digest not in self._contents:
                self._contents[known.digest] = _Content(key, known.accepted, known.taken_for)

    def key(self, digest: str) -> str | None:
        """The file that a content was taken from, if that is still known."""
        content = self._content(digest)
        return content.key if content else None

    def known(self, info: ObjectInfo, digest: str) -> Known:
        """What to remember of a file whose content was there before: what that was taken for,
        where it is that file, touched or moved, and not one more beside it."""
        arrival = self._table.arrival_of(digest) or 0
        content = self._content(digest)
        if content is None or (content.key != info.key and content.key in self._landed):
            return Known.of_object(info, digest=digest, arrival=arrival)
        return Known.of_object(
            info,
            digest=digest,
            arrival=arrival,
            accepted=content.accepted,
            taken_for=content.taken_for,
        )

    def _content(self, digest: str) -> _Content | None:
        while not ((content := self._contents.get(digest)) and content.taken_for):
            text = next(self._log, None)
            if text is None:
                break
            self._add(text)
        return content

    def _add(self, text: str) -> None:
        """What an older commit notes."""
        try:
            note = parsed(_Note, json.loads(text))
        except (ValueError, TypeError, RecursionError):  # of an earlier version
            return
        known = {digest: content for digest, content in self._contents.items() if content.taken_for}
        self._contents |= note.contents | known
        self.taken_for = note.taken_for | self.taken_for
