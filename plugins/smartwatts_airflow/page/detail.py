"""One model: its versions as a chart, its history, and what runs decided on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from smartwatts_airflow.page.airflow import DagRunFacts
from smartwatts_airflow.page.chart import Point, draw
from smartwatts_airflow.page.documents import READS_AT_ONCE, RememberedObjects
from smartwatts_airflow.page.overview import (
    BASELINE,
    CHALLENGER,
    Metric,
    for_gateways,
    metrics_of,
    number,
)
from smartwatts_ml.errors import StoreError
from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.details import left_out_lines
from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.model_report import model_report
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Champion, HistoryEntry, Manifest, open_store
from smartwatts_ml.store.canonical import parse_time
from smartwatts_ml.store.forced import FORCE, forced

__all__ = ["Change", "Detail", "Judged", "detail", "judged"]

_DECISIONS = 30


@dataclass(frozen=True)
class Change:
    """An entry of the signed history, with what is known of its version and its run."""

    entry: HistoryEntry
    when: datetime
    manifest: Manifest | None
    run: DagRunFacts | None
    has_report: bool

    @property
    def forced(self) -> bool:
        """Put in force although the gate said no."""
        return self.entry.action == FORCE


@dataclass(frozen=True)
class Judged:
    """What a run decided on the model. ``outcome``: published, kept, accepted (not, or not
    yet, published) or unreadable, of which ``summary`` says why."""

    run: DagRunFacts
    outcome: str
    summary: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Detail:
    """Everything that the page of one model shows. ``changes`` newest first, of ``total``."""

    model: str
    kind: str
    champion: int | None = None
    problem: str | None = None
    """Why gateways cannot pull the champion."""
    metrics: tuple[Metric, ...] = ()
    chart: str = ""
    chart_label: str = ""
    changes: tuple[Change, ...] = ()
    total: int = 0
    left_out: tuple[str, ...] = ()
    """What the champion lacks, and why, a line each."""
    earlier: tuple[int, ...] = field(default=())
    """Versions that were in force before and can be again, newest first."""

    @property
    def usual(self) -> int | None:
        """The version that a rollback is most often to: the one before the champion."""
        before = (version for version in self.earlier if version < (self.champion or 0))
        return next(before, self.earlier[0] if self.earlier else None)


def detail(
    objects: Objects, current: Settings, model: str, runs: Sequence[DagRunFacts], most: int
) -> Detail:
    """Read and verify a model's history and manifests; ``most`` changes are listed. Raises
    TrustError."""
    kind, _ = find_model(model)
    store = open_store(RememberedObjects(objects, model), current)
    chain = store.history(model)
    if not chain:
        return Detail(model, kind.title)
    manifests = store.manifests(model)
    criterion = next(c for c in kind.criteria if c.role == "improve")
    champion = chain[-1].version
    by_key = {run.key: run for run in runs}
    shown = chain[::-1][:most]
    reports = _reports(objects, {entry.run_id for entry in shown}, model)
    changes = [
        Change(
            entry,
            parse_time(entry.time),
            manifests.get(entry.version),
            by_key.get(entry.run_id),
            entry.run_id in reports,
        )
        for entry in shown
    ]
    newest = manifests.get(champion)
    _, problem = for_gateways(store, Champion(newest, chain[-1])) if newest else (None, None)
    return Detail(
        model=model,
        kind=kind.title,
        champion=champion,
        problem=problem,
        metrics=metrics_of(kind, newest.metrics) if newest else (),
        left_out=tuple(left_out_lines(newest.decision)) if newest else (),
        chart=draw(_points(chain, manifests, criterion.metric, criterion.label), criterion.label),
        chart_label=f"{criterion.label}, {criterion.better} is better",
        changes=tuple(changes),
        total=len(chain),
        earlier=tuple(sorted({e.version for e in chain if e.version != champion}, reverse=True)),
    )


def _points(
    chain: Sequence[HistoryEntry],
    manifests: Mapping[int, Manifest | None],
    metric: str,
    label: str,
) -> list[Point]:
    champion = chain[-1].version
    by_force = {mark.version for mark in forced(chain)}
    points = []
    for version in sorted(manifests):
        manifest = manifests[version]
        measured = manifest.metrics if manifest else {}
        value = number(measured, CHALLENGER, metric)
        marks = [*(["champion"] * (version == champion)), *(["forced"] * (version in by_force))]
        shown = "unknown" if value is None else f"{value:.4g}"
        title = f"v{version}: {label} {shown}" + (f" ({', '.join(marks)})" if marks else "")
        points.append(
            Point(version, value, number(measured, BASELINE, metric), title, " ".join(marks))
        )
    return points


def _reports(objects: Objects, run_ids: Iterable[str], model: str) -> set[str]:
    """Those of the runs whose report is there; asked side by side."""
    names = [run_id for run_id in run_ids if run_id]
    with ThreadPoolExecutor(READS_AT_ONCE) as pool:
        there = pool.map(lambda run: objects.exists(f"runs/{run}/{model}/report.html"), names)
        return {name for name, exists in zip(names, there, strict=True) if exists}


def judged(objects: Objects, model: str, runs: Sequence[DagRunFacts]) -> list[Judged]:
    """What the newest retraining runs decided on the model, newest first."""
    with ThreadPoolExecutor(READS_AT_ONCE) as pool:
        decisions = pool.map(lambda run: _judged(objects, model, run), runs[:_DECISIONS])
        return [decision for decision in decisions if decision]


def _judged(objects: Objects, model: str, run: DagRunFacts) -> Judged | None:
    try:
        report = model_report(objects, run.key, model)
    except StoreError as error:
        return Judged(run, "unreadable", str(error))
    if report is None:
        return None
    decided = "accepted" if report["accepted"] else "kept"
    return Judged(run, report.get("outcome", decided), report["summary"], tuple(report["reasons"]))
