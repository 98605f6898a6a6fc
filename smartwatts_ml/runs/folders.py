"""Runs by name: a folder each below ``runs/``, and in it one for each model."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from smartwatts_ml.errors import NotFoundError, UsageError
from smartwatts_ml.objects import ObjectInfo, Objects
from smartwatts_ml.parallel import map_ahead

__all__ = [
    "MAX_RECORD_BYTES",
    "check_run_id",
    "existing_run",
    "latest_run",
    "models_of_run",
    "new_run_id",
    "snapshot_key",
]

MAX_RECORD_BYTES = 64 << 20
"""What a snapshot or a decision may have; thousands of sites need a hundredth."""
_LOOKS_AT_ONCE = 16
_TIME_IN_ID = re.compile(
    r"(?<!backfill__)(?<!\d)(\d{4})-?(\d\d)-?(\d\d)T(\d\d)-?(\d\d)-?(\d\d)(?!\d)"
)
"""As the commands and Airflow write it, whose colons are dashes in a folder's name."""


def new_run_id(prefix: str = "cli") -> str:
    """A run's name that sorts by time, e.g. ``cli-20261122T020000Z-1f3a``."""
    return f"{prefix}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def check_run_id(run_id: str) -> str:
    """The run_id itself, if it can be a folder's name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", run_id):
        raise UsageError(f"run id {run_id!r} has characters other than letters, digits, . _ + -")
    return run_id


def snapshot_key(run_id: str) -> str:
    """Where a run keeps which readings it sees."""
    return f"runs/{check_run_id(run_id)}/snapshot.json"


def latest_run(objects: Objects) -> str:
    """The run that was started last.

    Looks at one object each of the runs that are newest by their names, and of those whose
    names hold no time. A run can be called after an earlier time, hence of several.
    """
    undated, dated = [], []
    for run_id in objects.folders("runs/"):
        time = _time_in(run_id)
        if time is None:
            undated.append(run_id)
        else:
            dated.append((time, run_id))
    newest_first = [run_id for _, run_id in sorted(dated, reverse=True)]
    pinned = _pinned(objects, undated)
    for start in range(0, len(newest_first), _LOOKS_AT_ONCE):
        looked = _pinned(objects, newest_first[start : start + _LOOKS_AT_ONCE])
        pinned += looked
        if looked:
            break
    if not pinned:
        raise NotFoundError(
            f"no run in {objects.url}", fix="smartwatts retrain, or smartwatts train MODEL"
        )
    return max(pinned, key=lambda info: info.modified).key.split("/")[1]


def _time_in(run_id: str) -> str | None:
    """The digits of the time that a run is called after (UTC), or None. A backfill has none:
    its time is that of what it fills.

    >>> _time_in("cli-20261122T020000Z-1f3a")
    '20261122020000'
    >>> _time_in("retrain_weekly-manual__2026-11-22T02-00-00-00-00-78da7a82")
    '20261122020000'
    """
    match = _TIME_IN_ID.search(run_id)
    return "".join(match.groups()) if match else None


def _pinned(objects: Objects, run_ids: Iterable[str]) -> list[ObjectInfo]:
    """The snapshots of those folders that have one, which came when the run was started."""

    def pinned(run_id: str) -> ObjectInfo | None:
        try:
            return objects.info(f"runs/{run_id}/snapshot.json")
        except NotFoundError:
            return None  # a folder that is no run, or not yet one

    return [info for info in map_ahead(pinned, run_ids, _LOOKS_AT_ONCE) if info]


def existing_run(objects: Objects, run_id: str) -> str:
    """The run_id itself. Raises NotFoundError where no run of that name was started."""
    if not objects.exists(snapshot_key(run_id)):
        raise NotFoundError(
            f"no run {run_id} in {objects.url}", fix="each has a folder below runs/ there"
        )
    return run_id


def models_of_run(objects: Objects, run_id: str, names: Sequence[str]) -> list[str]:
    """The models that have a challenger in the run, in the order of ``names``."""
    prefix = f"runs/{check_run_id(run_id)}/"
    trained = {i.key.split("/")[2] for i in objects.list(prefix) if i.key.endswith(".keras")}
    if not trained:
        raise NotFoundError(f"run {run_id} has no challenger", fix="smartwatts train MODEL first")
    return [name for name in names if name in trained]
