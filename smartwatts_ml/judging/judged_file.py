"""What a run's decision says of its judged file, as it is signed: no home by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import StrictBool

from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.gate import CHALLENGER, CHAMPION, Part, absent_parts
from smartwatts_ml.jsontext import plain
from smartwatts_ml.judging.discretion import Discretion
from smartwatts_ml.judging.training import TRAINING_LOG, RecordedTraining
from smartwatts_ml.modelfiles.needs import Needs
from smartwatts_ml.provenance import code_version
from smartwatts_ml.readings.table.table import Snapshot
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.site_names import SiteNames

__all__ = ["FileVerdict", "discretion", "evidence", "manifest_fields"]

_NAME_SITES = ("site_timezones",)
"""Settings that do."""


@dataclass(frozen=True)
class _Record:
    settings: dict[str, Any] = field(default_factory=dict)
    kind_settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FileVerdict:
    """What the decision says of a judged file, numbers just as they were written: they are
    signed. ``libraries``: what made it, versions by name."""

    accepted: StrictBool
    reasons: list[str]
    holdout_digest: str
    metrics: dict[str, dict[str, Any] | None]
    slices: dict[str, dict[str, Any]]
    champion_version: int | None
    sha256: str
    quantization: str
    inputs: list[Any]
    outputs: list[Any]
    parts: tuple[Part, ...] = ()
    runtime: Needs | None = None
    libraries: dict[str, str] = field(default_factory=dict)
    record: _Record = _Record()


def manifest_fields(
    snapshot: Snapshot, judged: FileVerdict, discreet: Discretion
) -> dict[str, Any]:
    """What the manifest says beside what the store knows itself."""
    return {
        "code": code_version(),
        "snapshot": {
            "version": snapshot.version,
            "digest": snapshot.digest,
            "from": snapshot.start,
            "to": snapshot.end,
            "rows": snapshot.rows,
            "sites": snapshot.sites,
        },
        "inputs": judged.inputs,
        "outputs": judged.outputs,
        "metrics": _with_slices(judged, discreet),
        "decision": {
            "accepted": judged.accepted,
            "reasons": [discreet.text(reason) for reason in judged.reasons],
            "holdout_digest": judged.holdout_digest,
            "left_out": {
                name: discreet.text(why) for name, why in absent_parts(judged.parts).items()
            },
            "back": [part.name for part in judged.parts if part.ships and part.notable],
        },
        "quantization": judged.quantization,
        "runtime": plain(judged.runtime),
    }


def evidence(run: ModelRun, judged: FileVerdict) -> dict[str, Any]:
    """What the provenance says beside that: how the run was asked to train, under which settings,
    with which libraries, and what its stages left."""
    try:
        training = run.read_json(TRAINING_LOG, RecordedTraining)
    except NotFoundError:
        training = RecordedTraining({})
    named = {name: v for name, v in judged.record.settings.items() if name not in _NAME_SITES}
    return {
        "parameters": {**training.options, "judged_against": judged.champion_version},
        "settings": {
            "judging": named,
            "kind": judged.record.kind_settings,
            "recipe": training.recipe,
        },
        "libraries": judged.libraries,
        "files": run.left or {},
    }


def discretion(judged: FileVerdict, names: SiteNames) -> Discretion:
    """How the sites of the decision are told of."""
    return Discretion((part for slices in judged.slices.values() for part in slices), names)


def _with_slices(judged: FileVerdict, discreet: Discretion) -> dict[str, Any]:
    """The metrics of each system, and those of challenger and champion by slice too, none of
    them of a single home."""
    metrics: dict[str, Any] = dict(judged.metrics)
    for system in (CHALLENGER, CHAMPION):
        slices: Mapping[str, Any] = discreet.slices(judged.slices.get(system, {}))
        if metrics.get(system) and slices:
            metrics[system] = {**metrics[system], "slices": slices}
    return metrics
