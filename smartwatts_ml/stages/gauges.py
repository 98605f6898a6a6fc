"""What a root's condition is in numbers, for whoever watches it from outside.

Each is of this moment, so that it matters to nobody who measured last, or whether twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from smartwatts_ml.errors import SmartwattsError
from smartwatts_ml.gate.decision import CHALLENGER
from smartwatts_ml.kinds import find_model, model_names
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.report import QUARANTINE
from smartwatts_ml.runs.model_report import model_report
from smartwatts_ml.runs.plan import count_new_readings
from smartwatts_ml.runs.state import FAILED, read_state
from smartwatts_ml.scores.scores import Criterion
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Store, open_store
from smartwatts_ml.store.canonical import parse_time

__all__ = ["MODEL_GAUGES", "ROOT_GAUGES", "Gauge", "measure", "waiting_gauges"]

MODEL_GAUGES: Mapping[str, str] = {
    "champion_version": "version in force",
    "champion_age_seconds": "s since that came into force",
    "champion_score": "what decides on the model, as its version was judged, in the metric's unit",
    "baseline_score": "the same of the strongest baseline on the same readings",
    "gain_over_baseline": "share by which the champion is better than that: 0.2 is a fifth less "
    "error; below 0 it is worse",
    "decision_age_seconds": "s since the last run that decided on the model, or failed",
    "last_decision": "what that came to: 1 published, 0 the champion was kept, −1 failed",
    "refusal_reasons": "why the gate kept the champion there: so many reasons; 0 if it did not",
    "failures": "runs in a row that failed on the model",
    "readings_waiting": "readings since the last decision, those in landing/ estimated",
    "readings_wanted": "so many of these start a retraining",
}
"""What is measured of each model, with its unit."""
ROOT_GAUGES: Mapping[str, str] = {
    "timestamp_seconds_left": "s until gateways refuse every pull; below 0 they do",
    "quarantined_files": "landing files of which lines were rejected",
}
"""What is measured once for a root."""
_PUBLISHED = "published"
_BASELINE = "baseline"


class Gauge(NamedTuple):
    """A measurement; ``model`` is empty where it is of the whole root."""

    name: str
    value: float
    model: str = ""


def measure(objects: Objects, settings: Settings, now: datetime | None = None) -> list[Gauge]:
    """All that can be measured; what there is nothing of yet, or what is damaged, which
    ``find_troubles`` tells, is left out. Raises StoreError where the root cannot be read."""
    when = now or datetime.now(UTC)
    store = open_store(objects, settings)
    gauges: list[Gauge] = []
    with suppress(SmartwattsError):  # as below
        gauges += waiting_gauges(count_new_readings(objects, settings))
    for model in model_names():
        gauges += _named(_of_champion, model, store, when)
        gauges += _named(_of_decision, model, objects, when)
    gauges += _named(_of_root, "", store, when)
    quarantined = sum(1 for _ in objects.list(f"{QUARANTINE}/"))
    gauges.append(Gauge("quarantined_files", float(quarantined)))
    return [gauge for gauge in gauges if math.isfinite(gauge.value)]


def waiting_gauges(waiting: Mapping[str, Any]) -> list[Gauge]:
    """Those that are known without the store. ``waiting``: as ``count_new_readings`` gives it."""
    names = {"readings_waiting": "rows_by_model", "readings_wanted": "thresholds"}
    return [
        Gauge(name, float(count), model)
        for name, key in names.items()
        for model, count in waiting[key].items()
    ]


def _named(work: Any, model: str, source: Any, now: datetime) -> list[Gauge]:
    try:
        return [Gauge(name, float(value), model) for name, value in work(source, model, now)]
    except SmartwattsError:  # a trouble, which is told as such
        return []


def _of_champion(store: Store, model: str, now: datetime) -> Iterator[tuple[str, float]]:
    champion = store.champion(model)
    if champion is None:
        return
    yield "champion_version", champion.version
    yield "champion_age_seconds", (now - parse_time(champion.entry.time)).total_seconds()
    criterion = find_model(model)[0].criteria[0]
    value = _measured(champion.manifest.metrics, CHALLENGER, criterion)
    baseline = _measured(champion.manifest.metrics, _BASELINE, criterion)
    if value is not None:
        yield "champion_score", value
    if baseline is not None:
        yield "baseline_score", baseline
    if value is not None and baseline is not None:
        yield "gain_over_baseline", _gain_of(value, baseline, criterion.better)


def _gain_of(value: float, baseline: float, better: str) -> float:
    """Share of the baseline by which a value is better than it; NaN where that is 0.

    >>> _gain_of(20.0, 25.0, "lower"), _gain_of(0.6, 0.5, "higher")
    (0.2, 0.2)
    """
    if baseline == 0:
        return math.nan
    gained = baseline - value if better == "lower" else value - baseline
    return round(gained / abs(baseline), 9)


def _measured(metrics: Mapping[str, Any], system: str, criterion: Criterion) -> float | None:
    try:
        return float((metrics.get(system) or {})[criterion.metric])
    except (KeyError, TypeError, ValueError):
        return None


def _of_decision(objects: Objects, model: str, now: datetime) -> Iterator[tuple[str, float]]:
    state = read_state(objects, model)
    if state is None or state.time is None:
        return
    yield "decision_age_seconds", (now - state.time).total_seconds()
    yield "failures", state.failures
    yield "last_decision", {_PUBLISHED: 1, FAILED: -1}.get(state.outcome, 0)
    refused = state.outcome not in (_PUBLISHED, FAILED)
    report = model_report(objects, state.run_id, model) if refused else None
    yield "refusal_reasons", len(report["reasons"]) if report else 0


def _of_root(store: Store, _: str, now: datetime) -> Iterator[tuple[str, float]]:
    for model in store.models():
        try:
            expires = parse_time(store.pointer(model).expires)
        except SmartwattsError:
            continue
        yield "timestamp_seconds_left", (expires - now).total_seconds()
        return
