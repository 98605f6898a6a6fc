"""One model: its versions as a chart, its history, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from smartwatts_airflow.page.airflow import RETRAINING, DagRunFacts
from smartwatts_airflow.page.chart import Point, draw
from smartwatts_airflow.page.documents import READS_AT_ONCE, RememberedObjects
from smartwatts_airflow.page.judged import RunOf
from smartwatts_airflow.page.metrics import BASELINE, CHALLENGER, Metric, metrics_of, number
from smartwatts_airflow.page.overview import for_gateways, version_before
from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.kinds.details import left_out_lines
from smartwatts_ml.kinds.meaning import meaning_of
from smartwatts_ml.objects import Objects
from smartwatts_ml.scores.meaning import MetricMeaning
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Champion, HistoryEntry, Manifest, open_store
from smartwatts_ml.store.canonical import parse_time
from smartwatts_ml.store.documents import ROLLOUT
from smartwatts_ml.store.forced import Forced, forced

__all__ = ["Change", "Detail", "Earlier", "detail", "runs_of"]


@dataclass(frozen=True)
class Change:
    """An entry of the signed history, with what is known of its version and its run. ``forced``:
    its version was put in force although the gate said no, by this entry or an earlier one."""

    entry: HistoryEntry
    when: datetime
    manifest: Manifest | None
    run: DagRunFacts | None
    has_report: bool
    forced: bool


@dataclass(frozen=True)
class Earlier:
    """A version that was in force before and can be again: since ``when``, and its deciding
    metric in words."""

    version: int
    when: datetime
    metric: str
    forced: bool

    @property
    def text(self) -> str:
        """For a list to choose from."""
        marks = [f"{self.when:%Y-%m-%d}", self.metric, "forced" if self.forced else ""]
        return f"v{self.version} · " + " · ".join(mark for mark in marks if mark)


@dataclass(frozen=True)
class Detail:
    """Everything that the page of one model shows. ``changes`` newest first, of ``total``."""

    model: str
    kind: str
    champion: int | None = None
    forced: Forced | None = None
    """Who put the champion in force against the gate."""
    problem: str | None = None
    """Why gateways cannot pull the champion."""
    metrics: tuple[Metric, ...] = ()
    chart: str = ""
    chart_label: str = ""
    changes: tuple[Change, ...] = ()
    total: int = 0
    since_serial: int = 0
    """By which the champion came into force."""
    left_out: tuple[str, ...] = ()
    """What the champion lacks, and why, a line each."""
    earlier: tuple[Earlier, ...] = ()
    """Newest first."""
    history: tuple[HistoryEntry, ...] = ()

    @property
    def usual(self) -> int | None:
        """The version that a rollback is most often to: the one before the champion, or where that
        is gone the next older one."""
        versions = [earlier.version for earlier in self.earlier]
        if not versions:
            return None
        before = version_before(self.history)
        if before in versions:
            return before
        return next((v for v in versions if v < (self.champion or 0)), versions[0])


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
    meaning = meaning_of(kind, criterion.metric)
    champion, marks = chain[-1].version, forced(chain)
    newest = manifests.get(champion)
    _, problem = for_gateways(store, Champion(newest, chain[-1])) if newest else (None, None)
    points = _points(chain, manifests, criterion.metric, meaning)
    return Detail(
        model=model,
        kind=kind.title,
        champion=champion,
        forced=next((mark for mark in marks if mark.in_force), None),
        problem=problem,
        metrics=metrics_of(kind, newest.metrics) if newest else (),
        left_out=tuple(left_out_lines(newest.decision)) if newest else (),
        chart=draw(points, meaning.label),
        chart_label=f"{meaning.label}{f' ({meaning.unit})' if meaning.unit else ''}, "
        f"{criterion.better} is better",
        changes=_changes(objects, chain[::-1][:most], manifests, runs, {m.version for m in marks}),
        total=len(chain),
        since_serial=next((e.serial for e in chain[::-1] if e.action not in ROLLOUT), 0),
        earlier=_earlier(kind, chain, manifests, {m.version for m in marks}),
        history=chain,
    )


def _changes(
    objects: Objects,
    shown: Sequence[HistoryEntry],
    manifests: Mapping[int, Manifest | None],
    runs: Sequence[DagRunFacts],
    by_force: set[int],
) -> tuple[Change, ...]:
    by_key = {run.key: run for run in runs}
    reports = _reports(objects, {entry.run_id for entry in shown}, shown[0].model)
    return tuple(
        Change(
            entry,
            parse_time(entry.time),
            manifests.get(entry.about),
            by_key.get(entry.run_id),
            entry.run_id in reports,
            entry.version in by_force,
        )
        for entry in shown
    )


def _earlier(
    kind: Kind,
    chain: Sequence[HistoryEntry],
    manifests: Mapping[int, Manifest | None],
    by_force: set[int],
) -> tuple[Earlier, ...]:
    """Versions whose files are there still, by when each came into force last."""
    since = {e.version: parse_time(e.time) for e in chain if e.action not in ROLLOUT}
    del since[chain[-1].version]
    metric = kind.criteria[0].metric
    meaning = meaning_of(kind, metric)
    return tuple(
        Earlier(
            version,
            since[version],
            f"{meaning.label} {meaning.text(number(manifest.metrics, CHALLENGER, metric))}",
            version in by_force,
        )
        for version in sorted(since, reverse=True)
        if (manifest := manifests.get(version)) is not None
    )


def _points(
    chain: Sequence[HistoryEntry],
    manifests: Mapping[int, Manifest | None],
    metric: str,
    meaning: MetricMeaning,
) -> list[Point]:
    champion = chain[-1].version
    by_force = {mark.version for mark in forced(chain)}
    points = []
    for version in sorted(manifests):
        manifest = manifests[version]
        measured = manifest.metrics if manifest else {}
        value = number(measured, CHALLENGER, metric)
        marks = [*(["champion"] * (version == champion)), *(["forced"] * (version in by_force))]
        shown = "unknown" if value is None else meaning.text(value)
        title = f"v{version}: {meaning.label} {shown}" + (f" ({', '.join(marks)})" if marks else "")
        baseline = number(measured, BASELINE, metric)
        points.append(
            Point(version, _scaled(value, meaning), _scaled(baseline, meaning), title, marks)
        )
    return points


def _scaled(value: float | None, meaning: MetricMeaning) -> float | None:
    """As the axis has it: shares as percent."""
    return value if value is None or meaning.unit != "%" else value * 100


def _reports(objects: Objects, run_ids: Iterable[str], model: str) -> set[str]:
    """Those of the runs whose report is there; asked side by side."""
    names = [run_id for run_id in run_ids if run_id]
    with ThreadPoolExecutor(READS_AT_ONCE) as pool:
        there = pool.map(lambda run: objects.exists(f"runs/{run}/{model}/report.html"), names)
        return {name for name, exists in zip(names, there, strict=True) if exists}


def runs_of(
    runs: Sequence[DagRunFacts],
    history: Sequence[HistoryEntry],
    last: tuple[str, datetime | None],
) -> list[RunOf]:
    """Runs that may have decided on a model: retrainings of Airflow, those that put a version in
    force, and the ``last`` one that its state names."""
    by_key = {run.key: RunOf(run.key, run.when, run) for run in runs if run.dag in RETRAINING}
    for entry in history:
        if entry.run_id and entry.action != "rollback":
            by_key.setdefault(entry.run_id, RunOf(entry.run_id, parse_time(entry.time)))
    key, when = last
    if key and when:
        by_key.setdefault(key, RunOf(key, when))
    return list(by_key.values())
