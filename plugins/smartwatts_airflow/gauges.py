"""The root's condition as gauges beside Airflow's own metrics, by StatsD or OpenTelemetry, where
those are on.

A gauge of one model carries it as the tag ``model``; where StatsD is without tags, at the end
of the name.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pkgutil import resolve_name
from typing import Any, Protocol

from airflow.configuration import conf
from airflow.sdk.observability import stats

from smartwatts_airflow.lazily import observed
from smartwatts_ml.errors import SmartwattsError

__all__ = ["RUN_GAUGES", "TROUBLE_GAUGES", "emit_all", "emit_waiting", "metrics_are_on"]

_log = logging.getLogger(__name__)
_PREFIX = "smartwatts"
_SECTION = "metrics"
_TRIGGERER = "airflow.observability.stats"
"""Airflow's facade outside of tasks, a module of its own, which only the triggerer sets up."""
_FLUSH_MS = 5_000

RUN_GAUGES: Mapping[str, str] = {
    "accepted": "accepted_readings",
    "rejected": "rejected_lines",
    "left": "left_files",
}
"""What the last retraining's ingest came to, by what its batches say."""
TROUBLE_GAUGES: Mapping[str, str] = {
    severity: f"troubles_{severity}" for severity in ("critical", "warning", "info")
}
"""How many troubles there are, by their severity."""


_Gauge = tuple[str, float, str]
"""Name, value, and model or nothing."""


class _Facade(Protocol):
    def gauge(self, stat: str, value: float, *, tags: dict[str, Any] | None = None) -> None: ...


def metrics_are_on() -> bool:
    """Whether Airflow emits any."""
    return any(map(_is_on, ("statsd_on", "otel_on", "statsd_datadog_enabled")))


def emit_all(
    root: str,
    *,
    troubles: Sequence[Mapping[str, Any]] | None = None,
    ingested: Iterable[Mapping[str, Any] | None] | None = None,
) -> None:
    """Measure the root and tell, if anybody listens. ``troubles``: as ``find_troubles`` has them;
    ``ingested``: what each batch of a run's files came to, None of one that failed. A root that
    cannot be measured fails nobody: it is logged."""
    if not metrics_are_on():
        return
    gauges: list[_Gauge] = []
    try:
        gauges += observed.measure(root)
    except (SmartwattsError, OSError) as error:
        _log.warning("the models are not measured: %s", error)
    if troubles is not None:
        severities = [trouble["severity"] for trouble in troubles]
        gauges += [
            (name, severities.count(severity), "") for severity, name in TROUBLE_GAUGES.items()
        ]
    if ingested is not None:
        batches = [batch for batch in ingested if batch]
        gauges += [(n, sum(b[key] for b in batches), "") for key, n in RUN_GAUGES.items()]
    _emit(gauges)
    _flush()


def emit_waiting(waiting: Mapping[str, Any]) -> None:
    """What the trigger saw; call it in the triggerer."""
    if metrics_are_on():
        _emit(observed.measure_waiting(waiting), resolve_name(_TRIGGERER))


def _emit(gauges: Iterable[_Gauge], facade: _Facade = stats) -> None:
    """Tell each."""
    tagged = _has_tags()
    for what, value, model in gauges:
        name = f"{_PREFIX}.{what}"
        if model and not tagged:
            facade.gauge(f"{name}.{model}", value)
        else:
            facade.gauge(name, value, tags={"model": model} if model else None)


def _has_tags() -> bool:
    """Whether the system that Airflow picks knows tags; it asks in this order."""
    if _is_on("statsd_datadog_enabled"):
        return True
    if _is_on("statsd_on"):
        return _is_on("statsd_influxdb_enabled")
    return True


def _is_on(option: str) -> bool:
    return conf.getboolean(_SECTION, option, fallback=False)


def _flush() -> None:
    """A task's process ends without Python's own end, so that what OpenTelemetry still holds
    would be lost."""
    if _is_on("otel_on"):
        provider = resolve_name("opentelemetry.metrics:get_meter_provider")()
        if hasattr(provider, "force_flush"):
            provider.force_flush(_FLUSH_MS)
