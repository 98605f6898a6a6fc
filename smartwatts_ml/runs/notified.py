"""What people have been told, so that they hear of a thing once: of a trouble again after a while
if it is still there, of another champion never. It only spares repetitions, and may be removed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from smartwatts_ml.objects import Objects
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES
from smartwatts_ml.runs.unsigned import read_unsigned
from smartwatts_ml.store.canonical import Canonical, Time

__all__ = ["Severity", "Notified", "Trouble", "note_change", "note_troubles", "read_notified"]

_KEY = "state/told.json"
Severity = Literal["critical", "warning"]
_AGAIN: Mapping[Severity, timedelta] = {
    "critical": timedelta(hours=23),
    "warning": timedelta(days=7),
}
"""After so long a trouble is told again: critical ones daily, by whoever looks every few hours."""
_SERIALS = 50


@dataclass(frozen=True)
class Trouble:
    """Something that somebody has to see to. ``about`` stays while it is the same trouble,
    whatever ``what`` says of it by now; ``fix``: what to do."""

    about: str
    severity: Severity
    what: str
    fix: str


@dataclass(frozen=True)
class Notified(Canonical):
    """``troubles``: when each was told, by what it is about. ``serials``: of each model, those of
    the changes of champion that were told last, ascending."""

    troubles: dict[str, Time] = field(default_factory=dict)
    serials: dict[str, list[int]] = field(default_factory=dict)
    schema: Literal[1] = 1

    def is_untold(self, model: str, serial: int) -> bool:
        """Whether nobody was told of a change. What was there before the first that was told,
        or of a model of which nothing is noted, is old."""
        known = self.serials.get(model)
        return known is not None and serial > known[0] and serial not in known

    def is_due(self, trouble: Trouble, now: datetime | None = None) -> bool:
        """Whether it is to be told, again or for the first time."""
        before = self.troubles.get(trouble.about)
        age = (now or datetime.now(UTC)) - before if before else None
        return age is None or not timedelta(0) <= age < _AGAIN[trouble.severity]


def read_notified(objects: Objects) -> Notified:
    """What was told; nothing where that was not kept, or cannot be read."""
    there = read_unsigned(objects, _KEY)
    return _parse(there.data if there else None)


def note_troubles(
    objects: Objects,
    abouts: Collection[str],
    present: Collection[str],
    now: datetime | None = None,
) -> None:
    """Troubles about these were told now; those that are not ``present`` any more are forgotten."""
    time = now or datetime.now(UTC)

    def noted(data: bytes | None) -> bytes:
        before = _parse(data)
        kept = {about: when for about, when in before.troubles.items() if about in present}
        return Notified(kept | dict.fromkeys(abouts, time), before.serials).to_bytes()

    objects.update(_KEY, noted, limit=MAX_DOCUMENT_BYTES)


def note_change(objects: Objects, model: str, serial: int) -> None:
    """The change of a model's champion was told."""

    def noted(data: bytes | None) -> bytes:
        before = _parse(data)
        known = sorted({*before.serials.get(model, ()), serial})[-_SERIALS:]
        return Notified(before.troubles, before.serials | {model: known}).to_bytes()

    objects.update(_KEY, noted, limit=MAX_DOCUMENT_BYTES)


def _parse(data: bytes | None) -> Notified:
    try:
        return Notified.parse(data or b"")
    except ValueError:
        return Notified()
