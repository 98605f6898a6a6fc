"""What runs decided on a model, and what that cost, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from smartwatts_airflow.page.airflow import DagRunFacts
from smartwatts_airflow.page.documents import READS_AT_ONCE
from smartwatts_ml.errors import NotFoundError, StoreError
from smartwatts_ml.jsontext import parsed_document
from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.folders import MAX_RECORD_BYTES
from smartwatts_ml.runs.model_report import failure_of, model_report

__all__ = ["Cost", "Judged", "RunOf", "judged"]

_RUNS = 30
_FIX = "run the stages of this model again"


@dataclass(frozen=True)
class RunOf:
    """A run by its name in the root: of Airflow, or of the command line (``airflow`` None).
    ``when``: as ``DagRunFacts``, or when it put a version in force."""

    key: str
    when: datetime
    airflow: DagRunFacts | None = None


@dataclass(frozen=True)
class Cost:
    """What a training took, and at most how much memory."""

    epochs: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0


@dataclass(frozen=True)
class _Recorded:
    """The part of decision.json that is told over time."""

    record: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Judged:
    """What a run decided on the model. ``outcome``: published, forced, kept, accepted (not, or
    not yet, published), failed or unreadable, of which ``summary`` says why. ``drift``: the
    population stability index of each feature."""

    run: RunOf
    outcome: str
    summary: str
    reasons: tuple[str, ...] = ()
    drift: Mapping[str, float] = field(default_factory=dict)
    cost: Cost | None = None

    @property
    def dry_run(self) -> bool:
        """Whether nothing was to come of it."""
        return self.run.airflow is not None and self.run.airflow.dry_run

    @property
    def has_report(self) -> bool:
        """Whether a report is likely to be there."""
        return self.outcome not in ("failed", "unreadable")


def judged(objects: Objects, model: str, runs: Sequence[RunOf]) -> list[Judged]:
    """What the newest of these runs decided on the model, newest first; one that did not get to
    it has no line."""
    newest = sorted(runs, key=lambda run: run.when, reverse=True)[:_RUNS]
    with ThreadPoolExecutor(READS_AT_ONCE) as pool:
        judgements = pool.map(partial(_judged, objects, model), newest)
        return [decision for decision in judgements if decision]


def _judged(objects: Objects, model: str, run: RunOf) -> Judged | None:
    try:
        report = model_report(objects, run.key, model)
        failure = failure_of(objects, run.key, model)
    except StoreError as error:
        return Judged(run, "unreadable", str(error))
    if failure is not None:
        return Judged(run, "failed", f"{model} failed: {failure}")
    if report is None:
        return None
    return Judged(
        run,
        _outcome(model, report),
        report["summary"],
        tuple(report["reasons"]),
        _drift(objects, run, model),
        _cost(objects, run, model),
    )


def _outcome(model: str, report: Mapping[str, Any]) -> str:
    if report["summary"].startswith(f"{model} forced by"):
        return "forced"
    decided: str = report.get("outcome") or ("accepted" if report["accepted"] else "kept")
    return decided


def _drift(objects: Objects, run: RunOf, model: str) -> dict[str, float]:
    """Nothing where the run did not come to a judgement, or says it in another way."""
    recorded = _left(objects, run, model, "decision.json", _Recorded)
    facts = (recorded.record if recorded else None) or {}
    moved = facts.get("facts", {}).get("drift") if isinstance(facts, Mapping) else None
    return {
        str(feature["feature"]): float(feature["psi"])
        for feature in moved or ()
        if isinstance(feature, Mapping) and isinstance(feature.get("psi"), (int, float))
    }


def _cost(objects: Objects, run: RunOf, model: str) -> Cost | None:
    return _left(objects, run, model, "training.json", Cost)


def _left(objects: Objects, run: RunOf, model: str, name: str, cls: type[Any]) -> Any:
    """What a stage left; None where none did, or where it cannot be read: it only informs."""
    key = f"runs/{run.key}/{model}/{name}"
    try:
        data = objects.read(key, MAX_RECORD_BYTES).data
        return parsed_document(cls, data, objects.uri(key), _FIX)
    except (NotFoundError, StoreError):
        return None
