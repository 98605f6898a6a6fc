"""Whether an S3 server honours the two conditional writes that the store stands on.

Each is tried alone and as a race: a server may look and then write, which is right until
two writers meet. Both are tried on one small object, which every test re-uses, so that
testing needs no permission to delete. The race to create is run when a root is new.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from smartwatts_ml.errors import UnfitServerError

__all__ = ["ATTEMPTS", "TEST_KEY", "check_conditional_writes", "pause", "unfit"]

TEST_KEY = ".selftest/conditional-writes"
_RACERS = 4
ATTEMPTS = 6
_FIRST_PAUSE_S = 0.05
_CREATE = "create-if-absent (If-None-Match)"
_REPLACE = "replace-if-unchanged (If-Match)"

_Probe = Callable[[dict[str, str]], bool]
"""Tries a conditional write of fresh bytes; whether the server took it."""


def check_conditional_writes(probe: _Probe, etag: Callable[[], str], endpoint: str) -> None:
    """Raise UnfitServerError where the server does not keep its word.

    ``etag`` reads that of the test's object. Holds up when several processes test at once:
    whatever the others do, of several writes under one condition two never succeed, and one
    whose condition was used up never does.
    """
    absent = {"IfNoneMatch": "*"}
    if _race(probe, absent) > 1 or probe(absent):
        raise unfit(endpoint, f"ignores {_CREATE}")
    before = etag()
    for attempt in range(ATTEMPTS):
        unchanged = {"IfMatch": before}
        winners = _race(probe, unchanged)
        if winners > 1 or probe(unchanged):
            raise unfit(endpoint, f"ignores {_REPLACE}")
        # Only such a write changes the object: its change is another process's success.
        if winners or etag() != before:
            return
        pause(attempt)
    raise unfit(endpoint, f"refuses every {_REPLACE}")


def unfit(endpoint: str, verdict: str) -> UnfitServerError:
    """The error that names the server, the condition, and what to do."""
    return UnfitServerError(
        f"the S3 server at {endpoint} {verdict}: models and readings could be lost",
        fix="use a server or a version of it that honours conditional writes",
    )


def pause(attempt: int) -> None:
    """Wait before the next attempt, longer each time and never as long as a rival."""
    time.sleep(_FIRST_PAUSE_S * 2**attempt * random.uniform(0.5, 1.5))


def _race(probe: _Probe, condition: dict[str, str]) -> int:
    """How many of several writes at once succeeded."""
    with ThreadPoolExecutor(_RACERS) as pool:
        return sum(pool.map(probe, [condition] * _RACERS))
