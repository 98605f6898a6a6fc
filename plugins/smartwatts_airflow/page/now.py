"""What runs at this moment, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from smartwatts_airflow.page.airflow import DagRunFacts
from smartwatts_airflow.page.approvals import Asked
from smartwatts_airflow.page.overview import ModelRow
from smartwatts_ml.runs.at_work import AtWork

__all__ = ["AtWorkOn", "RunAtWork", "models_at_work", "runs_at_work"]

_QUIET = timedelta(minutes=15)
"""A run that has claimed nothing, of which nothing was heard for so long, is over."""
_DONE = 100


@dataclass(frozen=True)
class AtWorkOn:
    """A model that is being retrained: ``percent`` of all its stages, None where nobody said so
    yet; ``since`` when, and when something was ``heard`` last (UTC). ``asked``: what a person is
    asked."""

    model: str
    run_id: str
    percent: int | None
    text: str
    heard: datetime | None
    since: datetime | None
    until: datetime | None
    run: DagRunFacts | None
    asked: Asked | None = None

    @property
    def gone(self) -> bool:
        """Whether its run has ended without a word: its claim stands in the way of others."""
        return self.run is not None and not self.run.active


@dataclass(frozen=True)
class RunAtWork:
    """A run of Airflow, and what it is at in words."""

    run: DagRunFacts
    doing: str


def models_at_work(
    rows: Sequence[ModelRow],
    runs: Mapping[str, DagRunFacts],
    asked: Mapping[str, Asked],
    now: datetime | None = None,
) -> list[AtWorkOn]:
    """Models that a run has claimed, that a dry run is at, or of which a person is ``asked``.
    ``runs``: by their key."""
    when = now or datetime.now(UTC)
    works = (_at_work(row, runs, asked.get(row.model), when) for row in rows)
    return [work for work in works if work]


def _at_work(
    row: ModelRow, runs: Mapping[str, DagRunFacts], asked: Asked | None, now: datetime
) -> AtWorkOn | None:
    note, claim = row.at_work, row.claim
    goes_on = note is not None and _goes_on(note, runs.get(note.run_id), now)
    if claim is None and asked is None and not goes_on:
        return None
    progress = note if note and (claim is None or note.run_id == claim.run_id) else None
    run_id = claim.run_id if claim else asked.run if asked else note.run_id if note else ""
    return AtWorkOn(
        model=row.model,
        run_id=run_id,
        percent=progress.percent if progress else None,
        text=_text(progress, asked),
        heard=progress.time if progress and not asked else None,
        since=claim.time if claim else None,
        until=claim.until if claim else None,
        run=runs.get(run_id),
        asked=asked,
    )


def _text(progress: AtWork | None, asked: Asked | None) -> str:
    if asked:
        return ""
    return f"{progress.stage}: {progress.text}" if progress else "waits for its turn"


def _goes_on(note: AtWork, run: DagRunFacts | None, now: datetime) -> bool:
    """Whether a run without a claim is still at it, as far as anybody knows."""
    if run is not None:
        return run.active
    return note.percent < _DONE and note.is_recent(_QUIET, now)


def runs_at_work(
    runs: Sequence[DagRunFacts], doing: Mapping[str, str], models: Sequence[AtWorkOn]
) -> list[RunAtWork]:
    """Active runs but those of which ``models`` say all that is known. ``doing``: what each is
    at, by its key."""
    shown = {work.run_id for work in models}
    return [
        RunAtWork(run, doing[run.key])
        for run in runs
        if not (run.key in shown and doing[run.key] == run.state)
    ]
