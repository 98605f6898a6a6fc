"""Two versions of a model side by side, as their signed manifests have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smartwatts_airflow.page.documents import RememberedObjects
from smartwatts_airflow.page.metrics import CHALLENGER, number
from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.kinds.meaning import meaning_of
from smartwatts_ml.objects import Objects
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Manifest, open_store
from smartwatts_ml.store.forced import forced

__all__ = ["Compared", "CompareRow", "compare"]


@dataclass(frozen=True)
class CompareRow:
    """What two versions say of this thing. ``change``: from the first to the second; ``better``:
    whether the second is, None where nothing says so."""

    label: str
    this: str
    other: str
    change: str = ""
    better: bool | None = None

    @property
    def differs(self) -> bool:
        return self.this != self.other


@dataclass(frozen=True)
class Compared:
    """The tables, by heading. ``same_holdout``: both were judged on the same readings; else a
    difference may be the readings', not the models'. ``versions`` that there are."""

    this: int
    other: int
    tables: Mapping[str, tuple[CompareRow, ...]]
    same_holdout: bool
    by_force: frozenset[int]
    versions: tuple[int, ...]


def compare(objects: Objects, current: Settings, model: str, this: int, other: int) -> Compared:
    """Raises NotFoundError where one of them was never in force, or was pruned; TrustError."""
    kind, _ = find_model(model)
    store = open_store(RememberedObjects(objects, model), current)
    chain, manifests = store.history(model), store.manifests(model)
    first, second = (_there(model, manifests, version) for version in (this, other))
    digests = {m.decision.get("holdout_digest") for m in (first, second)}
    tables = {
        "Metrics": _metrics(kind, first.metrics, second.metrics),
        "Parts": _parts(kind, first.metrics, second.metrics),
        "Readings": _readings(first, second),
        "File": _file(first, second),
    }
    return Compared(
        this,
        other,
        {heading: rows for heading, rows in tables.items() if rows},
        same_holdout=len(digests) == 1 and None not in digests,
        by_force=frozenset(mark.version for mark in forced(chain)),
        versions=tuple(v for v in sorted(manifests, reverse=True) if manifests[v]),
    )


def _there(model: str, manifests: Mapping[int, Manifest | None], version: int) -> Manifest:
    manifest = manifests.get(version)
    if manifest is None:
        gone = "was pruned" if version in manifests else "was never in force"
        raise NotFoundError(f"{model} v{version} {gone}")
    return manifest


def _metrics(
    kind: Kind, this: Mapping[str, Any], other: Mapping[str, Any]
) -> tuple[CompareRow, ...]:
    first, second = ((m.get(CHALLENGER) or {}) for m in (this, other))
    decide = [criterion.metric for criterion in kind.criteria]
    names = dict.fromkeys((*decide, *kind.required_metrics, *first, *second))
    names.pop("slices", None)
    return tuple(
        _row(kind, name, meaning_of(kind, name).label, this, other)
        for name in names
        if name in first or name in second
    )


def _parts(kind: Kind, this: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[CompareRow, ...]:
    """By part, the metrics that decide."""
    slices = [((m.get(CHALLENGER) or {}).get("slices") or {}) for m in (this, other)]
    metrics = [c.metric for c in (*kind.part_criteria, *kind.criteria)]
    rows = []
    for part in dict.fromkeys((*slices[0], *slices[1])):
        values = [{CHALLENGER: held.get(part) or {}} for held in slices]
        name = next((m for m in metrics if any(m in v[CHALLENGER] for v in values)), None)
        if name:
            label = f"{part.removeprefix('channel ')}: {meaning_of(kind, name).label}"
            rows.append(_row(kind, name, label, values[0], values[1]))
    return tuple(rows)


def _row(
    kind: Kind, name: str, label: str, this: Mapping[str, Any], other: Mapping[str, Any]
) -> CompareRow:
    meaning = meaning_of(kind, name)
    first, second = (number(measured, CHALLENGER, name) for measured in (this, other))
    return CompareRow(
        label,
        meaning.text(first),
        meaning.text(second),
        meaning.change(first, second),
        meaning.is_better(second, first),
    )


def _readings(this: Manifest, other: Manifest) -> tuple[CompareRow, ...]:
    first, second = this.snapshot, other.snapshot
    return (
        *(
            CompareRow(label, str(first.get(key) or "–")[:10], str(second.get(key) or "–")[:10])
            for label, key in (("from", "from"), ("to", "to"))
        ),
        *(
            CompareRow(key, _count(first.get(word)), _count(second.get(word)))
            for key, word in (("readings", "rows"), ("sites", "sites"))
        ),
    )


def _file(this: Manifest, other: Manifest) -> tuple[CompareRow, ...]:
    def left_out(manifest: Manifest) -> str:
        return ", ".join(manifest.decision.get("left_out", {})) or "nothing"

    return (
        CompareRow("made", this.created[:10], other.created[:10]),
        CompareRow("size", f"{this.size / 1024:,.1f} KiB", f"{other.size / 1024:,.1f} KiB"),
        CompareRow("quantization", this.quantization, other.quantization),
        CompareRow("left out", left_out(this), left_out(other)),
        CompareRow("code", this.code, other.code),
    )


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "–"
