"""Which run is retraining a model, so that another one does not do it on the same readings.

A claim is one object, created if absent and replaced if unchanged. It is over once its run
has decided or failed, which the model's state says, and in any case after ``LONGEST``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from smartwatts_ml.names import check_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.small import CLOCKS_DIFFER, read_small
from smartwatts_ml.runs.state import ModelState, read_state
from smartwatts_ml.store.canonical import Canonical, Time
from smartwatts_ml.store.layout import MAX_DOCUMENT_BYTES

__all__ = ["LONGEST", "Claim", "drop_claim", "other_claim", "take_claim"]

LONGEST = timedelta(hours=18)
"""A run that ended without a word holds up others for no longer than this."""

_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Claim(Canonical):
    """A run that has said that it retrains a model, and when (UTC)."""

    run_id: str
    time: Time

    def holds(self, state: ModelState | None, now: datetime) -> bool:
        """Whether the run is still at it. One from the future is nobody's: it would hold for
        ever."""
        over = state is not None and state.run_id == self.run_id
        return not over and -CLOCKS_DIFFER < now - self.time < LONGEST


def other_claim(
    objects: Objects, model: str, run_id: str, now: datetime | None = None
) -> Claim | None:
    """The claim of another run that is still at it."""
    there = read_small(objects, _key(model))
    claim = _parse(there.data) if there else None
    return _heeded(objects, model, run_id, claim, now or datetime.now(UTC))


def take_claim(objects: Objects, model: str, run_id: str, *, heed: bool) -> Claim | None:
    """Claim the model for a run. With ``heed``, another run's claim that holds is left alone
    and returned; of two runs that ask at once, one gets it."""
    now = datetime.now(UTC)

    def claimed(data: bytes | None) -> bytes:
        claim = _parse(data) if data is not None else None
        own = claim is not None and claim.run_id == run_id
        if data is not None and (own or (heed and _heeded(objects, model, run_id, claim, now))):
            return data
        return Claim(run_id, now).to_bytes()

    key = _key(model)
    seen = read_small(objects, key)
    claim = _parse(objects.update(key, claimed, seen=seen, limit=MAX_DOCUMENT_BYTES))
    return claim if claim and claim.run_id != run_id else None


def drop_claim(objects: Objects, model: str, run_id: str) -> None:
    """The run is not at it any more, so that others need not wait for it."""

    def dropped(data: bytes | None) -> bytes:
        claim = _parse(data or b"")
        own = claim is not None and claim.run_id == run_id
        return Claim(run_id, _LONG_AGO).to_bytes() if own else data or b""

    seen = read_small(objects, _key(model))
    if seen:
        objects.update(_key(model), dropped, seen=seen, limit=MAX_DOCUMENT_BYTES)


def _key(model: str) -> str:
    return f"state/claims/{check_model(model)}.json"


def _parse(data: bytes) -> Claim | None:
    """A claim that cannot be read claims nothing."""
    try:
        return Claim.parse(data)
    except ValueError:
        return None


def _heeded(
    objects: Objects, model: str, run_id: str, claim: Claim | None, now: datetime
) -> Claim | None:
    """The claim, if it is another run's that holds."""
    if claim is None or claim.run_id == run_id:
        return None
    return claim if claim.holds(read_state(objects, model), now) else None
