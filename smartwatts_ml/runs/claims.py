"""Which run is retraining a model, so that another one does not do it on the same readings.

A claim is one object, created if absent and replaced if unchanged. It is over once its run
has decided or failed, which the model's state says, and in any case after ``LONGEST``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from smartwatts_ml.errors import AlreadyExistsError, ChangedError, NotFoundError, StoreError
from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.state import ModelState, read_state
from smartwatts_ml.store.documents import check_model, format_time, parse_time
from smartwatts_ml.store.signing import canonical_json

__all__ = ["LONGEST", "Claim", "other_claim", "take_claim"]

LONGEST = timedelta(hours=12)
"""A run that ended without a word holds up others for no longer than this."""
ATTEMPTS = 20


@dataclass(frozen=True)
class Claim:
    """A run that has said that it retrains a model, and when (UTC)."""

    run_id: str
    time: datetime

    def holds(self, state: ModelState | None, now: datetime) -> bool:
        """Whether the run is still at it."""
        over = state is not None and state.run_id == self.run_id
        return not over and now - self.time < LONGEST


def other_claim(
    objects: Objects, model: str, run_id: str, now: datetime | None = None
) -> Claim | None:
    """The claim of another run that is still at it."""
    claim, _ = _read(objects, model)
    if claim is None or claim.run_id == run_id:
        return None
    return claim if claim.holds(read_state(objects, model), now or datetime.now(UTC)) else None


def take_claim(objects: Objects, model: str, run_id: str, *, heed: bool) -> Claim | None:
    """Claim the model for a run. With ``heed``, another run's claim that holds is left alone
    and returned; of two runs that ask at once, one gets it."""
    for _ in range(ATTEMPTS):
        found, etag = _read(objects, model)
        other = other_claim(objects, model, run_id) if heed else None
        if other:
            return other
        if found and found.run_id == run_id:
            return None
        claim = {"run_id": run_id, "time": format_time(datetime.now(UTC))}
        try:
            objects.put(_key(model), canonical_json(claim), etag)
        except (AlreadyExistsError, ChangedError):
            continue
        return None
    raise StoreError(f"{objects.uri(_key(model))} is being replaced by others without a pause")


def _key(model: str) -> str:
    return f"state/claims/{check_model(model)}.json"


def _read(objects: Objects, model: str) -> tuple[Claim | None, str | None]:
    """The claim and its object's etag; a claim that cannot be read claims nothing."""
    try:
        found = objects.read(_key(model))
    except NotFoundError:
        return None, None
    try:
        value = json.loads(found.data)
        return Claim(value["run_id"], parse_time(value["time"])), found.etag
    except (ValueError, KeyError, TypeError):
        return None, found.etag
