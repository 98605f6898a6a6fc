"""How far a model's retraining is, for whoever looks: one small object a model.

It only informs: a store that cannot be written costs a note, never a training.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from smartwatts_ml.errors import StoreError
from smartwatts_ml.names import check_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.printable import printable
from smartwatts_ml.progress import Progress
from smartwatts_ml.runs.unsigned import CLOCKS_DIFFER, read_unsigned
from smartwatts_ml.store.canonical import Canonical, Time

__all__ = ["SECONDS_BETWEEN", "AtWork", "at_work", "noting"]

SECONDS_BETWEEN = 10.0
"""A note is written at most so often, and whenever a stage begins."""
_LONGEST_TEXT = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AtWork(Canonical):
    """Which ``stage`` of a model a run is at, how many ``percent`` of all its stages are done, and
    what it said last (UTC)."""

    model: str
    run_id: str
    stage: str
    percent: int
    text: str
    time: Time
    schema: Literal[1] = 1

    def is_recent(self, within: timedelta, now: datetime) -> bool:
        """Whether that was said lately; what is from the future was never said."""
        return -CLOCKS_DIFFER < now - self.time < within


def at_work(objects: Objects, model: str) -> AtWork | None:
    """What was noted last; None where nothing was, or where it cannot be read."""
    there = read_unsigned(objects, _key(model))
    try:
        return AtWork.parse(there.data) if there else None
    except ValueError:
        return None


def noting(
    progress: Progress,
    objects: Objects,
    model: str,
    run_id: str,
    stage: str,
    part: tuple[float, float],
) -> Progress:
    """A progress that is noted as well. ``part``: of a model's stages, in 0..1, where this one
    begins and what share it has."""
    begin, share_of_stage = part
    noted = -SECONDS_BETWEEN

    def report(text: str, share: float) -> None:
        nonlocal noted
        progress(text, share)
        now = time.monotonic()
        if now - noted >= SECONDS_BETWEEN:
            noted = now
            percent = round(100 * min(max(begin + share_of_stage * share, 0.0), 1.0))
            said = printable(text).replace("\n", " ")[:_LONGEST_TEXT]
            _note(objects, AtWork(model, run_id, stage, percent, said, datetime.now(UTC)))

    return report


def _note(objects: Objects, note: AtWork) -> None:
    try:
        objects.write(_key(note.model), note.to_bytes())
    except StoreError as error:
        _log.warning("nobody sees how far %s is: %s", note.model, error)


def _key(model: str) -> str:
    return f"state/at_work/{check_model(model)}.json"
