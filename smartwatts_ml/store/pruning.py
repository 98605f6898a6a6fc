"""Removing versions that nobody may need. The history stays whole, whatever goes.

Kept are: the champion and the candidate; the newest versions by number; every version that
was in force, or a candidate, at any time within the stated time, so that it can be rolled
back to; and whatever is newer than the newest version that ever was either, which may be a
publish under way. Of a version the manifest goes
first: without it there is no such version, whatever becomes of the rest, and the next
pruning removes that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest

from smartwatts_ml.errors import AlreadyExistsError, NotFoundError, TrustError
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES
from smartwatts_ml.store.canonical import parse_time
from smartwatts_ml.store.documents import HistoryEntry
from smartwatts_ml.store.layout import file_key, manifest_key, statement_key
from smartwatts_ml.store.records import Records

__all__ = ["Pruned", "Pruner"]

_UNFINISHED_FOR = timedelta(days=7)
"""So long a publish that broke off may still be completed by running it again."""


@dataclass(frozen=True)
class Pruned:
    """What went, or would go. ``unfinished`` versions never were in force; ``leftovers``
    counts files of writers that died."""

    model: str
    versions: tuple[int, ...]
    unfinished: tuple[int, ...]
    kept: int
    leftovers: int
    dry_run: bool


class Pruner:
    """Prunes models, one at a time."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._objects = records.repository.objects

    def prune(self, model: str, keep: int, older_than: timedelta, dry_run: bool) -> Pruned:
        """Remove what is neither among the ``keep`` newest versions nor was in force within
        ``older_than``. Raises TrustError where the history is not whole."""
        chain = tuple(commit.entry for commit in self._records.chain(model))
        stored = self._records.versions.numbers(model)
        newest = max((entry.about for entry in chain), default=0)
        in_force = {version for entry in chain for version in (entry.version, entry.about)}
        since = self._records.repository.clock() - older_than
        kept = {*[v for v in stored if v in in_force][-keep:], *_in_force_since(chain, since)}
        old = [v for v in stored if v < newest and v not in kept]
        versions = [v for v in old if v in in_force]
        unfinished = [v for v in old if v not in in_force and self._is_abandoned(model, v)]
        leftovers = 0
        if not dry_run:
            versions = [v for v in versions if self._remove(model, v)]
            unfinished = [v for v in unfinished if self._remove(model, v)]
            seconds = _UNFINISHED_FOR.total_seconds()
            leftovers = self._objects.remove_leftovers(f"models/{model}", seconds)
        gone = len(versions) + len(unfinished)
        return Pruned(
            model, tuple(versions), tuple(unfinished), len(stored) - gone, leftovers, dry_run
        )

    def _is_abandoned(self, model: str, version: int) -> bool:
        """Whether nothing was written of an unfinished version for long. A time from the
        future counts as now: it would keep the version for ever."""
        now = self._records.repository.clock()
        times = []
        for key in _keys(model, version):
            try:
                times.append(min(self._objects.info(key).modified, now))
            except NotFoundError:
                continue
        return all(modified < now - _UNFINISHED_FOR for modified in times)

    def _remove(self, model: str, version: int) -> bool:
        """Remove a version, unless it is rolled back to at this moment: either this sees
        the rollback, or the rollback sees that the manifest is gone."""
        key, *others = _keys(model, version)
        try:
            manifest = self._objects.read(key, MAX_DOCUMENT_BYTES).data
        except (NotFoundError, TrustError):
            manifest = None  # an earlier pruning broke off here, or it is no manifest
        self._objects.delete(key)
        head = self._records.head(model)
        if head and version in (head.entry.version, head.entry.about):
            if manifest:
                self._restore(key, manifest)
            return False
        for other in others:
            self._objects.delete(other)
        return True

    def _restore(self, key: str, manifest: bytes) -> None:
        try:
            self._objects.create(key, manifest)
        except AlreadyExistsError:
            return


def _keys(model: str, version: int) -> tuple[str, ...]:
    """The objects of a version, the manifest first."""
    return (
        manifest_key(model, version),
        file_key(model, version),
        statement_key(model, version),
    )


def _in_force_since(chain: tuple[HistoryEntry, ...], since: datetime) -> Iterator[int]:
    """Versions that were in force, or candidates, at some time after ``since``, the champion among
    them."""
    for entry, following in zip_longest(chain, chain[1:]):
        if following is None or _time(following) > since:
            yield entry.version
            yield entry.about


def _time(entry: HistoryEntry) -> datetime:
    """When it was committed; one that cannot be read counts as new."""
    try:
        return parse_time(entry.time)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
