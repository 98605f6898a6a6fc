"""A lease on a model, so that two runs never train it at once.

The lease is one object that is created if absent and replaced if unchanged. Its holder
renews it from a thread while it works, so a lease can be short: one whose holder died is
over after ``seconds``, and then anybody may take it. Clocks of machines that share a root
have to agree to within a fraction of that.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from smartwatts_ml.errors import (
    AlreadyExistsError,
    BusyError,
    ChangedError,
    NotFoundError,
    StoreError,
)
from smartwatts_ml.objects import Object, Objects
from smartwatts_ml.store.documents import check_model
from smartwatts_ml.store.signing import canonical_json

__all__ = ["Lease", "hold"]

SCHEMA = 1
RENEWALS = 3
"""How often a lease is renewed in its lifetime: all but one of them may fail."""
ATTEMPTS = 5


@dataclass(frozen=True)
class _Claim:
    """What a lease object says; ``claim_id`` is new each time that somebody takes it."""

    owner: str
    claim_id: str
    expires: datetime

    def to_bytes(self, model: str) -> bytes:
        return canonical_json(
            {
                "schema": SCHEMA,
                "model": model,
                "owner": self.owner,
                "claim_id": self.claim_id,
                "expires": self.expires.isoformat(),
            }
        )

    @classmethod
    def of(cls, found: Object) -> _Claim | None:
        """The claim in an object, None where it cannot be read."""
        try:
            value = json.loads(found.data)
            expires = datetime.fromisoformat(value["expires"])
            return cls(str(value["owner"]), str(value["claim_id"]), expires.astimezone(UTC))
        except (ValueError, KeyError, TypeError):
            return None


class Lease:
    """A lease that is held. ``check`` before doing what only its holder may do."""

    def __init__(self, objects: Objects, model: str, owner: str, seconds: float) -> None:
        self._objects = objects
        self._model = model
        self._key = f"state/{check_model(model)}.lease.json"
        self._lifetime = timedelta(seconds=seconds)
        self._claim = _Claim(owner, uuid.uuid4().hex, self._until())
        self._etag = self._take()
        self._stop = threading.Event()
        self._renewer = threading.Thread(target=self._renew_until_stopped, daemon=True)
        self._renewer.start()

    def check(self) -> None:
        """Raise BusyError if the lease ran out, so that another run may have taken it."""
        if self._claim.expires <= datetime.now(UTC):
            raise BusyError(f"the lease on {self._model} ran out while it was held")

    def release(self) -> None:
        """Let others take it at once. Leaves a lease alone that another run has taken."""
        self._stop.set()
        self._renewer.join()
        # What cannot be given back runs out by itself.
        with suppress(StoreError):
            self._replace(datetime.fromtimestamp(0, UTC))

    def _until(self) -> datetime:
        return datetime.now(UTC) + self._lifetime

    def _take(self) -> str:
        data = self._claim.to_bytes(self._model)
        for _ in range(ATTEMPTS):
            try:
                return self._objects.create(self._key, data)
            except AlreadyExistsError:
                pass
            try:
                found = self._objects.read(self._key)
                held = _Claim.of(found)
                if held and held.expires > datetime.now(UTC):
                    raise self._busy(held)
                return self._objects.replace(self._key, data, found.etag)
            except (NotFoundError, ChangedError):
                continue
        raise BusyError(f"others compete for {self._model}", fix="try again later")

    def _busy(self, held: _Claim) -> BusyError:
        seconds = (held.expires - datetime.now(UTC)).total_seconds()
        return BusyError(
            f"{held.owner} is working on {self._model}",
            fix=f"try again when it is done; if it died, in {max(1, round(seconds))} s",
        )

    def _renew_until_stopped(self) -> None:
        pause = self._lifetime.total_seconds() / RENEWALS
        while not self._stop.wait(pause):
            try:
                self._replace(self._until())
            except ChangedError:
                return  # taken over; ``check`` finds that the time is over
            except StoreError:
                continue  # the next renewal may get through

    def _replace(self, expires: datetime) -> None:
        claim = _Claim(self._claim.owner, self._claim.claim_id, expires)
        data = claim.to_bytes(self._model)
        try:
            self._etag = self._objects.replace(self._key, data, self._etag)
        except ChangedError:
            # An earlier renewal may have got through although its answer did not.
            found = self._objects.read(self._key)
            held = _Claim.of(found)
            if held is None or held.claim_id != claim.claim_id:
                raise
            self._etag = self._objects.replace(self._key, data, found.etag)
        self._claim = claim


@contextmanager
def hold(objects: Objects, model: str, owner: str, seconds: float) -> Iterator[Lease]:
    """Hold a model against other runs. Raises BusyError, which names who has it.

    ``owner`` is for people (a run's id). ``seconds``: how long it lasts if this process
    dies; while it lives, the lease is renewed.
    """
    lease = Lease(objects, model, owner, seconds)
    try:
        yield lease
    finally:
        lease.release()
