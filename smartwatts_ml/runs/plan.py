"""Which models a run trains: all that were asked for, or those with enough new readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from smartwatts_ml.kinds import find_model, model_names
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.readings.ingest.landing import pending
from smartwatts_ml.readings.table.table import existing_table, open_table
from smartwatts_ml.runs.claims import Claim, other_claim, take_claim
from smartwatts_ml.runs.due import enough, shortfall
from smartwatts_ml.runs.labels import pin_labels
from smartwatts_ml.runs.snapshot import pin_snapshot, snapshot_bytes
from smartwatts_ml.runs.state import FAILED, may_attempt, read_state
from smartwatts_ml.settings import Settings

__all__ = ["RunPlan", "count_new_readings", "plan_run"]


@dataclass(frozen=True)
class RunPlan:
    """Which models a run trains, and why it leaves out the others. ``snapshot_sha256``: of
    the snapshot that it pinned, which its stages see, and ``labels_sha256`` of the labels, empty
    where there are none."""

    run_id: str
    snapshot_version: int
    snapshot_sha256: str
    rows: int
    models: tuple[str, ...]
    skipped: dict[str, str]
    labels_sha256: str = ""


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
    """Pin the newest snapshot and labels for the run, choose its models and claim them.

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
        labels_sha256=pin_labels(objects, run_id),
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
    return f"being retrained: {claim}" if claim else ""


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
        return due(f"{_counted(new_rows, exact=ingested)} new readings, {threshold:,} needed")
    if state and not may_attempt(state, datetime.now(UTC)):
        return due(
            f"failed {state.failures} times, next attempt {state.next_attempt:%Y-%m-%d %H:%M} UTC",
            state.next_attempt,
        )
    claimed = _claimed(other_claim(objects, model, run_id))
    return due(claimed or (shortfall(objects, current, state) if ingested else ""))


def _counted(rows: int, *, exact: bool) -> str:
    """A number of readings for people; one that is estimated does not look exact.

    >>> _counted(12_345, exact=True), _counted(12_345, exact=False), _counted(0, exact=False)
    ('12,345', 'about 12,000', 'about 0')
    """
    return f"{rows:,}" if exact else f"about {int(float(f'{rows:.2g}')):,}"


def count_new_readings(
    objects: Objects, current: Settings, before: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Readings since the last decision, ingested or estimated from landing files; ``before`` as
    ``pending`` takes it, and ``landing`` in what is given is for the next look.

    Keys: ``rows`` and ``threshold`` of the model that lacks least, ``models`` that are due,
    ``why_not`` of the others, ``settling`` files that do not count yet and ``refused`` ones that
    cannot be read, whether numbers are ``exact`` or files in landing/ are estimated, what was
    ``seen`` in words, ``rows_by_model``, ``thresholds`` by model, and ``retry_at`` (ISO, UTC) if
    all that are due back off. Reads metadata alone, and writes nothing.
    """
    waiting, table = pending(objects, before), existing_table(objects)
    rows = (table.arrived() if table else 0) + waiting.estimated_rows
    exact = waiting.files == 0
    due = {model: _due(objects, current, model, rows, ingested=exact) for model in model_names()}
    retries = [d.retry_at for d in due.values() if d.retry_at]
    nearest = max(due.values(), key=lambda d: d.new_rows / d.threshold)
    return {
        "landing": waiting.there,
        "refused": waiting.refused,
        "settling": len(waiting.there) - waiting.files,
        "exact": exact,
        "seen": f"{_counted(nearest.new_rows, exact=exact)} of {nearest.threshold:,} new readings",
        "rows": nearest.new_rows,
        "threshold": nearest.threshold,
        "models": [model for model, d in due.items() if not d.reason],
        "why_not": {model: d.reason for model, d in due.items() if d.reason},
        "rows_by_model": {model: d.new_rows for model, d in due.items()},
        "thresholds": {model: d.threshold for model, d in due.items()},
        "retry_at": min(retries).isoformat() if retries else None,
    }
