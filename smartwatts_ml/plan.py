"""Which models a run trains: all that were asked for, or those with enough new readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from smartwatts_ml.kinds import find_model, model_names
from smartwatts_ml.objects import Objects
from smartwatts_ml.settings import Settings

__all__ = ["RunPlan", "count_new_readings", "start_run"]


@dataclass(frozen=True)
class RunPlan:
    """Which models a run trains, and why it leaves out the others."""

    run_id: str
    snapshot_version: int
    rows: int
    models: tuple[str, ...]
    skipped: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def start_run(
    objects: Objects,
    current: Settings,
    run_id: str,
    models: Sequence[str] | None = None,
    *,
    only_due: bool = False,
) -> RunPlan:
    """Pin the newest snapshot for the run and choose its models.

    ``only_due``: leave out a model with fewer new readings since its last decision than
    the threshold, and one that backs off after a failure. A run that has any gets a page
    on the quality of its readings.
    """
    from smartwatts_ml.readings.table import open_table
    from smartwatts_ml.reports.data_quality import write_quality_page
    from smartwatts_ml.runs import pin_snapshot

    wanted = tuple(models or model_names())
    for model in wanted:
        find_model(model)
    snapshot = pin_snapshot(objects, run_id, open_table(objects).snapshot())
    skipped = {}
    if only_due:
        for model in wanted:
            due = _due(objects, current, model, snapshot.arrived)
            if due.reason:
                skipped[model] = due.reason
    chosen = tuple(model for model in wanted if model not in skipped)
    if chosen:
        write_quality_page(objects, current, run_id)
    return RunPlan(
        run_id=run_id,
        snapshot_version=snapshot.version,
        rows=snapshot.rows,
        models=chosen,
        skipped=skipped,
    )


@dataclass(frozen=True)
class _Due:
    """Whether a model has enough new readings: ``reason`` is empty if it has."""

    new_rows: int
    reason: str
    retry_at: datetime | None = None


def _due(
    objects: Objects, current: Settings, model: str, rows: int, *, ingested: bool = True
) -> _Due:
    """``ingested``: all of the rows are in the table, so that their days and sites are known;
    of files in landing only their number is, and ingest brings out the rest."""
    from smartwatts_ml.evidence import shortfall
    from smartwatts_ml.store.state import may_attempt, read_state

    state = read_state(objects, model)
    new_rows = rows - (state.rows if state else 0)
    if new_rows < current.new_readings:
        return _Due(new_rows, f"{new_rows:,} new readings, {current.new_readings:,} needed")
    if state and not may_attempt(state, datetime.now(UTC)):
        return _Due(
            new_rows,
            f"failed {state.failures} times, next attempt {state.next_attempt:%Y-%m-%d %H:%M} UTC",
            state.next_attempt,
        )
    return _Due(new_rows, shortfall(objects, current, state) if ingested else "")


def count_new_readings(objects: Objects, current: Settings) -> dict[str, Any]:
    """Readings since the last decision, ingested or estimated from landing files.

    Keys: ``rows`` (the most any model has), ``threshold``, ``models`` that are due,
    ``why_not`` of the others, ``rows_by_model``, and ``retry_at`` (ISO, UTC) if all that are due
    back off. Reads
    metadata alone.
    """
    from smartwatts_ml.readings.landing import pending
    from smartwatts_ml.readings.table import open_table

    waiting = pending(objects, current)
    rows = open_table(objects).arrived() + waiting.estimated_rows
    due = {
        model: _due(objects, current, model, rows, ingested=waiting.files == 0)
        for model in model_names()
    }
    retries = [d.retry_at for d in due.values() if d.retry_at]
    return {
        "rows": max(d.new_rows for d in due.values()),
        "threshold": current.new_readings,
        "models": [model for model, d in due.items() if not d.reason],
        "why_not": {model: d.reason for model, d in due.items() if d.reason},
        "rows_by_model": {model: d.new_rows for model, d in due.items()},
        "retry_at": min(retries).isoformat() if retries else None,
    }
