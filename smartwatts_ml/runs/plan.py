"""Which models a run trains: all that were asked for, or those with enough new readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from smartwatts_ml.kinds import find_model, model_names
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.readings.ingest.landing import pending
from smartwatts_ml.readings.table.table import open_table
from smartwatts_ml.runs.claims import Claim, other_claim, take_claim
from smartwatts_ml.runs.due import enough, shortfall
from smartwatts_ml.runs.snapshot import pin_snapshot, snapshot_bytes
from smartwatts_ml.runs.state import FAILED, may_attempt, read_state
from smartwatts_ml.settings import Settings

__all__ = ["RunPlan", "count_new_readings", "plan_run"]


@dataclass(frozen=True)
class RunPlan:
    """Which models a run trains, and why it leaves out the others. ``snapshot_sha256``: of
    the snapshot that it pinned, which its stages see."""

    run_id: str
    snapshot_version: int
    snapshot_sha256: str
    rows: int
    models: tuple[str, ...]
    skipped: dict[str, str]


def plan_run(
    objects: Objects,
    current: Settings,
    run_id: str,
    models: Sequence[str] | None = None,
    *,
    only_due: bool = False,
    only_new: bool = False,
    claim: bool = True,
) -> RunPlan:
    """Pin the newest snapshot for the run, choose its models and claim them.

    ``only_due``: leave out a model with fewer new readings since its last decision than
    the threshold, and one that backs off after a failure. ``only_new``: leave out one that
    was decided on just these readings. Either leaves out one that another run is retraining;
    without ``claim`` the run holds nobody up.
    """
    wanted = tuple(models or model_names())
    for model in wanted:
        find_model(model)
    snapshot = pin_snapshot(objects, run_id, open_table(objects).snapshot())
    skipped = {}
    for model in wanted:
        reason = ""
        if only_due:
            reason = _due(objects, current, model, snapshot.arrived, run_id=run_id).reason
        elif only_new:
            reason = _decided_already(objects, model, snapshot.arrived)
        if claim and not reason:
            reason = _claimed(take_claim(objects, model, run_id, heed=only_due or only_new))
        if reason:
            skipped[model] = reason
    chosen = tuple(model for model in wanted if model not in skipped)
    return RunPlan(
        run_id=run_id,
        snapshot_version=snapshot.version,
        snapshot_sha256=sha256_of(snapshot_bytes(snapshot)),
        rows=snapshot.rows,
        models=chosen,
        skipped=skipped,
    )


@dataclass(frozen=True)
class _Due:
    """Whether a model has enough new readings: ``reason`` is empty if it has."""

    new_rows: int
    threshold: int
    reason: str
    retry_at: datetime | None = None


def _decided_already(objects: Objects, model: str, rows: int) -> str:
    """Which run decided on these readings; empty where none did, or where it failed."""
    state = read_state(objects, model)
    # More than ever arrived were not decided on by any run.
    if state is None or state.outcome == FAILED or rows != state.rows or not rows:
        return ""
    return f"no new readings since {state.run_id}"


def _claimed(claim: Claim | None) -> str:
    return f"{claim.run_id} is retraining it" if claim else ""


def _due(
    objects: Objects,
    current: Settings,
    model: str,
    rows: int,
    *,
    ingested: bool = True,
    run_id: str = "",
) -> _Due:
    """``ingested``: all of the rows are in the table, so that their days and sites are known;
    of files in landing only their number is, and ingest brings out the rest."""
    state = read_state(objects, model)
    threshold = enough(current, state)
    # More than ever arrived were not decided on by any run.
    new_rows = rows - (state.rows if state and state.rows <= rows else 0)
    due = partial(_Due, new_rows, threshold)
    if new_rows < threshold:
        return due(f"{new_rows:,} new readings, {threshold:,} needed")
    if state and not may_attempt(state, datetime.now(UTC)):
        return due(
            f"failed {state.failures} times, next attempt {state.next_attempt:%Y-%m-%d %H:%M} UTC",
            state.next_attempt,
        )
    claimed = _claimed(other_claim(objects, model, run_id))
    return due(claimed or (shortfall(objects, current, state) if ingested else ""))


def count_new_readings(objects: Objects, current: Settings) -> dict[str, Any]:
    """Readings since the last decision, ingested or estimated from landing files.

    Keys: ``rows`` and ``threshold`` of the model that lacks least, ``models`` that are due,
    ``why_not`` of the others, ``rows_by_model``, ``thresholds`` by model, and ``retry_at`` (ISO,
    UTC) if all that are due back off. Reads metadata alone.
    """
    waiting = pending(objects)
    rows = open_table(objects).arrived() + waiting.estimated_rows
    due = {
        model: _due(objects, current, model, rows, ingested=waiting.files == 0)
        for model in model_names()
    }
    retries = [d.retry_at for d in due.values() if d.retry_at]
    nearest = max(due.values(), key=lambda d: d.new_rows / d.threshold)
    return {
        "rows": nearest.new_rows,
        "threshold": nearest.threshold,
        "models": [model for model, d in due.items() if not d.reason],
        "why_not": {model: d.reason for model, d in due.items() if d.reason},
        "rows_by_model": {model: d.new_rows for model, d in due.items()},
        "thresholds": {model: d.threshold for model, d in due.items()},
        "retry_at": min(retries).isoformat() if retries else None,
    }
