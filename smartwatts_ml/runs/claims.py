"""Which run is retraining a model, so that another one does not do it on the same readings.

A claim is one object, created if absent and replaced if unchanged. Its run drops it as it decides
or fails; a person may, of a run that is gone; and it is over in any case after ``LONGEST``, or
where the run waits for a person, who may take days, when the answer is late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from smartwatts_ml.names import check_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES
from smartwatts_ml.runs.unsigned import CLOCKS_DIFFER, read_unsigned
from smartwatts_ml.store.canonical import Canonical, Time

__all__ = [
    "LONGEST",
    "Claim",
    "drop_claim",
    "hold_claim",
    "other_claim",
    "standing_claim",
    "take_claim",
]

LONGEST = timedelta(hours=18)
"""A run that ended without a word holds up others for no longer than this."""

_LONGEST_WAIT = timedelta(days=7)
"""For a person, from then on: as long as the setting allows."""

_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Claim(Canonical):
    """A run that has said that it retrains a model, and when (UTC). ``answer_by``: until when a
    person may answer whom it waits for."""

    run_id: str
    time: Time
    answer_by: Time | None = None

    def holds(self, now: datetime) -> bool:
        """Whether the run is still at it, as far as anybody knows. One from the future is
        nobody's: it would hold for ever."""
        return now - self.time > -CLOCKS_DIFFER and now < self.until

    def waits(self, now: datetime) -> bool:
        """Whether it is a person who is waited for."""
        return self.answer_by is not None and now < self.until

    def __str__(self) -> str:
        return (
            f"{self.run_id} claimed it {self.time:%Y-%m-%d %H:%M} UTC, at the longest until "
            f"{self.until:%Y-%m-%d %H:%M}"
        )

    @property
    def until(self) -> datetime:
        """When it is over whatever becomes of its run, UTC. One that waits has an hour more, in
        which what was answered, or was not, goes on."""
        end = self.time + LONGEST
        if self.answer_by is None:
            return end
        return max(end, min(self.answer_by, end + _LONGEST_WAIT - CLOCKS_DIFFER) + CLOCKS_DIFFER)


def standing_claim(objects: Objects, model: str, now: datetime | None = None) -> Claim | None:
    """The claim that holds, of whichever run."""
    there = read_unsigned(objects, _key(model))
    claim = _parse(there.data) if there else None
    return claim if claim and claim.holds(now or datetime.now(UTC)) else None


def other_claim(
    objects: Objects, model: str, run_id: str, now: datetime | None = None
) -> Claim | None:
    """The claim of another run that is still at it."""
    claim = standing_claim(objects, model, now)
    return claim if claim and claim.run_id != run_id else None


def take_claim(objects: Objects, model: str, run_id: str, *, heed: bool) -> Claim | None:
    """Claim the model for a run. With ``heed``, another run's claim that holds is left alone
    and returned; of two runs that ask at once, one gets it."""
    now = datetime.now(UTC)

    def claimed(data: bytes | None) -> bytes:
        claim = _parse(data or b"")
        stays = claim is not None and claim.holds(now) and (heed or claim.run_id == run_id)
        return data if data is not None and stays else Claim(run_id, now).to_bytes()

    key = _key(model)
    seen = read_unsigned(objects, key)
    claim = _parse(objects.update(key, claimed, seen=seen, limit=MAX_DOCUMENT_BYTES))
    return claim if claim and claim.run_id != run_id else None


def hold_claim(
    objects: Objects, model: str, run_id: str, *, answer_by: datetime | None = None
) -> None:
    """The run is still at it: it waits for a person, or it goes on from now. A claim that
    another run has taken by now is left alone."""
    now = datetime.now(UTC)

    def held(data: bytes | None) -> bytes:
        claim = _parse(data or b"")
        if claim and claim.holds(now):
            if claim.run_id != run_id:
                return data or b""
            begun = claim.time if answer_by else now
        else:
            begun = now
        return Claim(run_id, begun, answer_by).to_bytes()

    key = _key(model)
    objects.update(key, held, seen=read_unsigned(objects, key), limit=MAX_DOCUMENT_BYTES)


def drop_claim(objects: Objects, model: str, run_id: str) -> None:
    """The run is not at it any more, so that others need not wait for it."""

    def dropped(data: bytes | None) -> bytes:
        claim = _parse(data or b"")
        own = claim is not None and claim.run_id == run_id
        return Claim(run_id, _LONG_AGO).to_bytes() if own else data or b""

    seen = read_unsigned(objects, _key(model))
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
