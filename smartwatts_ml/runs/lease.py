"""A lease on a model, so that two runs never train it at once.

The lease is one object that is created if absent and replaced if unchanged. Its holder
renews it from a thread while it works, so a lease can be short: one whose holder died is
over after ``seconds``, and then anybody may take it. Clocks of machines that share a root
have to agree to within a fraction of that.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from smartwatts_ml.errors import BusyError, ChangedError, StoreError
from smartwatts_ml.names import check_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES
from smartwatts_ml.runs.unsigned import CLOCKS_DIFFER, read_unsigned
from smartwatts_ml.store.canonical import Canonical, PreciseTime

__all__ = ["Lease", "hold"]

_OVER = datetime.fromtimestamp(0, UTC)
"""When a lease is over that is given back, or that another has taken."""
_LONGEST = timedelta(hours=1) + CLOCKS_DIFFER
"""No lease is taken for longer; one that says so holds nobody up."""
_RENEWALS = 3
"""How often a lease is renewed in its lifetime: all but one of them may fail."""


@dataclass(frozen=True)
class _Tenure(Canonical):
    """What a lease object says; ``claim_id`` is new each time that somebody takes it."""

    model: str
    owner: str
    claim_id: str
    expires: PreciseTime
    schema: Literal[1] = 1


def _parse(data: bytes | None) -> _Tenure | None:
    """None where there is none, or where it cannot be read."""
    try:
        return _Tenure.parse(data or b"")
    except ValueError:
        return None


class Lease:
    """A lease that is held. ``check`` before doing what only its holder may do."""

    def __init__(self, objects: Objects, model: str, owner: str, seconds: float) -> None:
        self._objects = objects
        self._model = model
        self._key = f"state/{check_model(model)}.lease.json"
        self._lifetime = timedelta(seconds=seconds)
        self._tenure = _Tenure(model, owner, uuid.uuid4().hex, self._until())
        self._take()
        self._stop = threading.Event()
        self._renewer = threading.Thread(
            target=self._renew_until_stopped, name=f"lease of {model}", daemon=True
        )
        self._renewer.start()

    def check(self) -> None:
        """Raise BusyError if the lease ran out, so that another run may have taken it."""
        if self._tenure.expires <= datetime.now(UTC):
            raise BusyError(f"the lease on {self._model} ran out while it was held")

    def release(self) -> None:
        """Let others take it at once. Leaves a lease alone that another run has taken."""
        self._stop.set()
        self._renewer.join()
        # What cannot be given back runs out by itself.
        with suppress(StoreError, BusyError):
            self._extend(_OVER)

    def _until(self) -> datetime:
        return datetime.now(UTC) + self._lifetime

    def _take(self) -> None:
        def taken(data: bytes | None) -> bytes:
            held = _parse(data)
            now = datetime.now(UTC)
            if held and now < held.expires < now + _LONGEST:
                raise self._busy(held)
            return self._tenure.to_bytes()

        try:
            self._update(taken)
        except ChangedError as error:
            raise BusyError(f"others compete for {self._model}", fix="try again later") from error

    def _busy(self, held: _Tenure) -> BusyError:
        seconds = (held.expires - datetime.now(UTC)).total_seconds()
        return BusyError(
            f"{held.owner} is working on {self._model}",
            fix=f"try again when it is done; if it died, in {max(1, round(seconds))} s",
        )

    def _renew_until_stopped(self) -> None:
        pause = self._lifetime.total_seconds() / _RENEWALS
        while not self._stop.wait(pause):
            try:
                self._extend(self._until())
            except BusyError:
                self._tenure = replace(self._tenure, expires=_OVER)
                return
            except StoreError:
                continue  # the next renewal may get through

    def _extend(self, expires: datetime) -> None:
        """Raises BusyError where it is another's by now."""
        tenure = replace(self._tenure, expires=expires)

        def extended(data: bytes | None) -> bytes:
            held = _parse(data)
            if held is None or held.claim_id != tenure.claim_id:
                raise BusyError(f"another run took {self._model}")
            return tenure.to_bytes()

        self._update(extended)
        self._tenure = tenure

    def _update(self, change: Callable[[bytes | None], bytes]) -> None:
        seen = read_unsigned(self._objects, self._key)
        self._objects.update(self._key, change, seen=seen, limit=MAX_DOCUMENT_BYTES)


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
