"""The card of a version: what it is for, from which readings, how well, and where it ends.

Terminal, pages and the bill of materials that is signed show the same card, made from the
version's manifest and from what its kind says of itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.scores.scores import Criterion
from smartwatts_ml.store import Manifest

__all__ = ["CardMetric", "CardPart", "ModelCard", "model_card"]

_CHALLENGER, _CHAMPION, _BASELINE = "challenger", "champion", "baseline"
_CHANNEL = "channel "
_FEW_SITES = 10
_YEAR_DAYS = 360
"""Readings of less have not seen every season."""


@dataclass(frozen=True)
class CardMetric:
    """A metric of a version on the holdout, beside those that it met there; ``better``: which
    way is, None where nothing says so. Values are None where there are none."""

    name: str
    label: str
    value: float | None
    baseline: float | None = None
    champion: float | None = None
    better: str | None = None


@dataclass(frozen=True)
class CardPart:
    """A part of the model that ships, such as an appliance, and how well it does."""

    name: str
    metrics: tuple[CardMetric, ...]


@dataclass(frozen=True)
class ModelCard:
    """What somebody who is to use a version should know. ``since`` and ``until``: of the readings
    that it was made from, ISO 8601 or empty; ``limits``: a sentence each; ``left_out``: the
    reason by part; ``runtime``: the oldest that runs it, empty where the manifest does not say."""

    model: str
    version: int
    title: str
    intended_use: str
    limits: tuple[str, ...]
    since: str
    until: str
    sites: int | None
    rows: int | None
    snapshot: int | None
    metrics: tuple[CardMetric, ...]
    parts: tuple[CardPart, ...]
    left_out: Mapping[str, str]
    reasons: tuple[str, ...]
    refit: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    runtime: str
    contract: int | None
    quantization: str
    size: int
    sha256: str
    made: str
    run_id: str
    code: str


def model_card(manifest: Manifest) -> ModelCard:
    """The card of a version, from its verified manifest. Raises UsageError where no kind is known
    here whose model it is."""
    kind, _ = find_model(manifest.model)
    snapshot, decision = manifest.snapshot, manifest.decision
    runtime: Mapping[str, Any] = manifest.runtime or {}
    left_out = {str(name): str(why) for name, why in (decision.get("left_out") or {}).items()}
    return ModelCard(
        model=manifest.model,
        version=manifest.version,
        title=kind.title,
        intended_use=kind.intended_use,
        limits=(*kind.limits, *_limits_of_readings(snapshot)),
        since=str(snapshot.get("from") or ""),
        until=str(snapshot.get("to") or ""),
        sites=_count(snapshot.get("sites")),
        rows=_count(snapshot.get("rows")),
        snapshot=_count(snapshot.get("version")),
        metrics=tuple(_metrics(kind, manifest.metrics)),
        parts=tuple(_parts(kind, manifest.metrics, left_out)),
        left_out=left_out,
        reasons=tuple(map(str, decision.get("reasons") or ())),
        refit=str((decision.get("refit") or {}).get("summary", "")),
        inputs=tuple(map(_tensor, manifest.inputs)),
        outputs=tuple(map(_tensor, manifest.outputs)),
        runtime=str(runtime.get("least") or ""),
        contract=_count(runtime.get("contract")),
        quantization=manifest.quantization,
        size=manifest.size,
        sha256=manifest.sha256,
        made=manifest.created,
        run_id=manifest.run_id,
        code=manifest.code,
    )


def _limits_of_readings(snapshot: Mapping[str, Any]) -> Iterator[str]:
    sites = _count(snapshot.get("sites"))
    if sites is not None and sites < _FEW_SITES:
        homes = "home" if sites == 1 else "homes"
        yield f"Made from readings of {sites} {homes}: others may be unlike them."
    try:
        first, last = (datetime.fromisoformat(str(snapshot[end])) for end in ("from", "to"))
        days = (last - first).days
    except (KeyError, ValueError, TypeError):
        return
    if days < _YEAR_DAYS:
        yield f"Made from readings of {days} days: it has not seen every season."


def _metrics(kind: Kind, measured: Mapping[str, Any]) -> Iterator[CardMetric]:
    """Those that decide, the others that are required, and what the kind shows besides where it
    was measured."""
    criteria = {criterion.metric: criterion for criterion in kind.criteria}
    ours_has = measured.get(_CHALLENGER) or {}
    more = (name for name in kind.card_metrics if name in ours_has)
    for name in dict.fromkeys((*criteria, *kind.required_metrics, *more)):
        ours, baseline, champion = (
            _number(measured.get(system), name) for system in (_CHALLENGER, _BASELINE, _CHAMPION)
        )
        yield _metric(name, criteria, ours, baseline, champion)


def _parts(
    kind: Kind, measured: Mapping[str, Any], left_out: Mapping[str, str]
) -> Iterator[CardPart]:
    """Every part that ships and was scored by itself, by the metrics of the whole."""
    criteria = {criterion.metric: criterion for criterion in kind.criteria}
    slices = {
        system: (measured.get(system) or {}).get("slices") or {}
        for system in (_CHALLENGER, _CHAMPION)
    }
    for place, ours in slices[_CHALLENGER].items():
        name = place.removeprefix(_CHANNEL)
        if name == place or name in left_out:
            continue
        theirs = slices[_CHAMPION].get(place)
        yield CardPart(
            name,
            tuple(
                _metric(metric, criteria, _number(ours, metric), None, _number(theirs, metric))
                for metric in criteria
                if _number(ours, metric) is not None
            ),
        )


def _metric(
    name: str,
    criteria: Mapping[str, Criterion],
    value: float | None,
    baseline: float | None,
    champion: float | None,
) -> CardMetric:
    criterion = criteria.get(name)
    label = criterion.label if criterion else name.replace("_w", " (W)").replace("_", " ")
    better = criterion.better if criterion else None
    return CardMetric(name, label, value, baseline, champion, better)


def _tensor(said: Mapping[str, Any]) -> str:
    """As in ``mains_w [1, 512, 1] W``."""
    return f"{said.get('name')} {said.get('shape')} {said.get('unit') or ''}".rstrip()


def _number(values: Any, name: str) -> float | None:
    """A measurement in a manifest, where it is a decimal string."""
    try:
        return float(values[name])
    except (KeyError, TypeError, ValueError):
        return None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
