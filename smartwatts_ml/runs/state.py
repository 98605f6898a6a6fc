"""What was last decided about a model, and how its failures back off.

``state/<model>.json`` is what new readings are counted from: a decision moves it,
accepted or not, so that a rejected challenger is not trained again on the same readings;
a failure leaves the snapshot and puts off the next attempt. Either ends the run's claim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from pydantic import ValidationError

from smartwatts_ml.errors import NotFoundError, StoreError
from smartwatts_ml.names import check_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES
from smartwatts_ml.runs.claims import drop_claim
from smartwatts_ml.runs.unsigned import CLOCKS_DIFFER
from smartwatts_ml.store.canonical import Canonical, Time

__all__ = [
    "DecidedSnapshot",
    "FAILED",
    "ModelState",
    "SnapshotFacts",
    "backoff",
    "may_attempt",
    "read_state",
    "record_decision",
    "record_failure",
]

FAILED = "failed"
_FIRST_BACKOFF_S = 3_600
_LONGEST_BACKOFF_S = 24 * 3_600


class SnapshotFacts(Protocol):
    """The part of a snapshot of the readings table that a state keeps."""

    @property
    def version(self) -> int: ...
    @property
    def digest(self) -> str: ...
    @property
    def arrived(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def sites(self) -> int: ...


@dataclass(frozen=True)
class DecidedSnapshot(Canonical):
    """The snapshot of the readings table that was decided on last."""

    version: int
    digest: str


@dataclass(frozen=True)
class ModelState(Canonical):
    """Where a model stands.

    ``snapshot``, ``rows`` (that ever arrived) and ``sites`` are of the last snapshot decided on
    (None and 0 before the first decision); ``held``: rows that it had, which is less where
    some were dropped, None where that was not noted. ``run_id``, ``time``, ``outcome`` and its
    ``reason`` are of the last run, decided or failed. ``failures`` counts runs that failed in a
    row; no attempt before ``next_attempt`` (UTC).
    """

    model: str
    snapshot: DecidedSnapshot | None = None
    rows: int = 0
    run_id: str = ""
    time: Time | None = None
    outcome: str = ""
    reason: str = ""
    failures: int = 0
    next_attempt: Time | None = None
    sites: int = 0
    held: int | None = None
    schema: Literal[1] = 1


def backoff(failures: int) -> int:
    """Seconds to wait after so many failures in a row.

    >>> [backoff(n) // 3600 for n in (0, 1, 2, 3, 4, 5, 6, 100)]
    [0, 1, 2, 4, 8, 16, 24, 24]
    """
    if failures <= 0:
        return 0
    return int(min(_FIRST_BACKOFF_S * 2 ** min(failures - 1, 10), _LONGEST_BACKOFF_S))


def may_attempt(state: ModelState | None, now: datetime | None = None) -> bool:
    """Whether a model's failures, if any, are long enough ago. One that is put off for longer
    than any is may be attempted."""
    if state is None or state.next_attempt is None:
        return True
    wait = state.next_attempt - (now or datetime.now(UTC))
    return not timedelta(0) < wait < timedelta(seconds=_LONGEST_BACKOFF_S) + CLOCKS_DIFFER


def read_state(objects: Objects, model: str) -> ModelState | None:
    """The state, or None before the first run. Raises StoreError where it is unreadable."""
    try:
        data = objects.read(_key(model), MAX_DOCUMENT_BYTES).data
    except NotFoundError:
        return None
    return _parse(data, objects.uri(_key(model)))


def record_decision(
    objects: Objects,
    model: str,
    snapshot: SnapshotFacts,
    *,
    run_id: str,
    outcome: str,
    reason: str = "",
    now: datetime | None = None,
) -> ModelState:
    """A run decided on a snapshot: accepted, rejected, or found too little to decide on.

    A run on an older snapshot than the last decided one moves everything but the snapshot.
    """

    def decide(state: ModelState) -> ModelState:
        decided = replace(
            state,
            run_id=run_id,
            time=now or datetime.now(UTC),
            outcome=outcome,
            reason=reason,
            failures=0,
            next_attempt=None,
        )
        if state.snapshot and state.snapshot.version > snapshot.version:
            return decided
        newest = DecidedSnapshot(snapshot.version, snapshot.digest)
        return replace(
            decided,
            snapshot=newest,
            rows=snapshot.arrived,
            sites=snapshot.sites,
            held=snapshot.rows,
        )

    return _end(objects, model, run_id, decide)


def record_failure(
    objects: Objects, model: str, *, run_id: str, reason: str = "", now: datetime | None = None
) -> ModelState:
    """A run failed; counted once, however often that is recorded."""

    def fail(state: ModelState) -> ModelState:
        if (state.run_id, state.outcome) == (run_id, FAILED):
            return state
        time = now or datetime.now(UTC)
        failures = state.failures + 1
        return replace(
            state,
            run_id=run_id,
            time=time,
            outcome=FAILED,
            reason=reason,
            failures=failures,
            next_attempt=time + timedelta(seconds=backoff(failures)),
        )

    return _end(objects, model, run_id, fail)


def _key(model: str) -> str:
    return f"state/{check_model(model)}.json"


def _parse(data: bytes, where: str) -> ModelState:
    try:
        return ModelState.parse(data)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"]))
        raise StoreError(
            f"{where} cannot be read: {field} {problem['msg']}", fix="remove it to start anew"
        ) from error


def _end(
    objects: Objects, model: str, run_id: str, change: Callable[[ModelState], ModelState]
) -> ModelState:
    """Change the state; the run is not at the model any more."""
    where = objects.uri(_key(model))

    def changed(data: bytes | None) -> bytes:
        state = ModelState(model) if data is None else _parse(data, where)
        return change(state).to_bytes()

    state = _parse(objects.update(_key(model), changed, limit=MAX_DOCUMENT_BYTES), where)
    drop_claim(objects, model, run_id)
    return state
