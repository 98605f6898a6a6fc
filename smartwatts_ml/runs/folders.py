"""Runs by name: a folder each below ``runs/``, and in it one for each model."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from smartwatts_ml.errors import NotFoundError, UsageError
from smartwatts_ml.objects import Objects

__all__ = [
    "MAX_RECORD_BYTES",
    "check_run_id",
    "existing_run",
    "models_of_run",
    "new_run_id",
    "snapshot_key",
]

MAX_RECORD_BYTES = 64 << 20
"""What a snapshot or a decision may have; thousands of sites need a hundredth."""


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
