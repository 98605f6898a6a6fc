"""The champions, a row a model, as the Models page shows them first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import Any

from smartwatts_ml.errors import NotFoundError, SmartwattsError, TrustError
from smartwatts_ml.kinds import find_model, model_names
from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.objects import Objects
from smartwatts_ml.parallel import map_ahead
from smartwatts_ml.runs.claims import Claim, standing_claim
from smartwatts_ml.runs.state import ModelState, read_state
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Champion, Store, open_store
from smartwatts_ml.store.canonical import parse_time

__all__ = [
    "BASELINE",
    "CHALLENGER",
    "Metric",
    "ModelRow",
    "age",
    "for_gateways",
    "last_decision",
    "metrics_of",
    "number",
    "overview",
]

_MODELS_AT_ONCE = 5
CHALLENGER = "challenger"  # what a manifest calls the version that it is of
BASELINE = "baseline"


@dataclass(frozen=True)
class Metric:
    """A headline metric of a version beside the strongest baseline's. ``better``: whether it
    beats that one; None where either is missing or nothing says which way is better."""

    label: str
    value: float | None
    baseline: float | None
    better: bool | None


@dataclass(frozen=True)
class ModelRow:
    """A model and its champion. ``problem`` says why there is nothing to be trusted."""

    model: str
    kind: str
    version: int | None = None
    action: str = ""
    since: datetime | None = None
    expires: datetime | None = None
    metrics: tuple[Metric, ...] = ()
    waiting: int | None = None
    last: ModelState | None = None
    claim: Claim | None = None
    problem: str | None = None


def overview(objects: Objects, current: Settings, waiting: Mapping[str, int]) -> list[ModelRow]:
    """A row for each model that this project trains, whatever is wrong with one of them.
    ``waiting``: readings since each model's last decision."""
    work = partial(_row, objects, current, waiting)
    return list(map_ahead(work, model_names(), _MODELS_AT_ONCE))


def last_decision(rows: Iterable[ModelRow]) -> ModelState | None:
    """What was decided last, of whichever model; None before the first decision."""
    states = [row.last for row in rows if row.last and row.last.time]
    return max(states, key=attrgetter("time"), default=None)


def _row(objects: Objects, current: Settings, waiting: Mapping[str, int], model: str) -> ModelRow:
    kind, _ = find_model(model)
    facts: dict[str, Any] = {"model": model, "kind": kind.title, "waiting": waiting.get(model)}
    try:
        facts |= {"last": read_state(objects, model), "claim": standing_claim(objects, model)}
        facts |= _champion(open_store(objects, current), kind, model)
    except SmartwattsError as error:
        facts["problem"] = str(error)
    return ModelRow(**facts)


def _champion(store: Store, kind: Kind, model: str) -> dict[str, Any]:
    champion = store.champion(model)
    if champion is None:
        return {}
    facts: dict[str, Any] = {
        "version": champion.version,
        "action": champion.entry.action,
        "since": parse_time(champion.entry.time),
        "metrics": metrics_of(kind, champion.manifest.metrics),
    }
    facts["expires"], facts["problem"] = for_gateways(store, champion)
    return facts


def for_gateways(store: Store, champion: Champion) -> tuple[datetime | None, str | None]:
    """Until when gateways can pull a champion, and why they cannot."""
    expires = None
    try:
        expires = parse_time(store.pointer(champion.manifest.model).expires)
        store.read_file(champion.manifest)
    except (NotFoundError, TrustError) as error:
        return expires, f"gateways cannot pull it: {error}"
    return expires, None


def metrics_of(kind: Kind, measured: Mapping[str, Any]) -> tuple[Metric, ...]:
    """The metrics that decide, then the others that are required, from a manifest's."""
    criteria = {criterion.metric: criterion for criterion in kind.criteria}
    names = dict.fromkeys((*criteria, *kind.required_metrics))
    return tuple(_metric(name, criteria.get(name), measured) for name in names)


def _metric(name: str, criterion: Any, measured: Mapping[str, Any]) -> Metric:
    value = number(measured, CHALLENGER, name)
    baseline = number(measured, BASELINE, name)
    better = None
    if criterion is not None and value is not None and baseline is not None:
        better = value < baseline if criterion.better == "lower" else value > baseline
    label = criterion.label if criterion else name.replace("_w", " (W)").replace("_", " ")
    return Metric(label, value, baseline, better)


def number(measured: Mapping[str, Any], system: str, name: str) -> float | None:
    """A measurement in a manifest, where it is a decimal string; None where it is missing.

    >>> number({"challenger": {"f1": "0.81"}}, "challenger", "f1")
    0.81
    >>> number({"challenger": None}, "challenger", "f1") is None
    True
    """
    try:
        return float((measured.get(system) or {})[name])
    except (KeyError, TypeError, ValueError):
        return None


def age(since: datetime, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that fits.

    >>> age(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 22, 5, tzinfo=UTC))
    '2 days ago'
    """
    seconds = ((now or datetime.now(UTC)) - since).total_seconds()
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = int(seconds // size)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
