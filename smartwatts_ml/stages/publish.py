"""Publish: the accepted file becomes the next version, or the champion stays for a reason.

Fails closed: what is published is the very file that was judged, against the champion
that is in force. Run again after a crash, it completes what the first attempt left.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Literal

from smartwatts_ml.errors import SmartwattsError, StoreError, TrustError
from smartwatts_ml.gate import CHALLENGER, CHAMPION
from smartwatts_ml.objects import Objects
from smartwatts_ml.progress import Progress
from smartwatts_ml.provenance import code_version
from smartwatts_ml.readings.table.table import Snapshot
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.state import record_decision
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Store, open_store
from smartwatts_ml.store.documents import file_key
from smartwatts_ml.store.forced import FORCE

__all__ = ["PublishResult", "publish", "resign_pointers"]

_PUBLISHED: Literal["published"] = "published"
_KEPT: Literal["kept"] = "kept"
_PROMOTE: Final = "promote"
_MOST_SLICES = 200


@dataclass(frozen=True)
class PublishResult:
    """What is in force now. ``file``: its address, None (with version and serial) where a
    model has no version yet. ``new_key``: a signing key that had to be made."""

    model: str
    outcome: Literal["published", "kept"]
    summary: str
    version: int | None
    serial: int | None
    file: str | None
    new_key: str | None = None

    @property
    def proceed(self) -> bool:
        return self.outcome == _PUBLISHED


def publish(
    run: ModelRun, progress: Progress, *, actor: str, force: str | None = None
) -> PublishResult:
    """Put the run's accepted file in force, or sign the champion's pointer again; then
    record the decision in the model's state. Raises StaleChallengerError where another
    champion came into force after the file was judged.

    ``force``: why a rejected file is to be in force all the same; signed into the history
    with the actor's name and what the gate had said."""
    decision = run.read_json("decision.json")
    store = open_store(run.objects, run.settings)
    if decision["accepted"]:
        result = _publish_file(store, run, decision, actor)
    elif force is not None:
        result = _publish_file(store, run, decision, actor, force)
    else:
        result = _keep_champion(store, run, decision)
    record_decision(
        run.objects,
        run.model,
        run.snapshot,
        run_id=run.run_id,
        outcome=result.outcome,
        reason=result.summary,
    )
    run.write_json("published.json", result)
    note = f"; new signing key {result.new_key}, keep a copy" if result.new_key else ""
    progress(f"{result.outcome}: {result.summary}{note}", 1.0)
    return result


def resign_pointers(
    objects: Objects, settings: Settings, progress: Progress | None = None
) -> dict[str, str]:
    """Sign every model's pointer again with the same serial, as the end of a run, whatever
    it decided; when each expires. So a store that stands still or was turned back is noticed.
    One model's trouble does not keep the others from it; then StoreError is raised."""
    store = open_store(objects, settings)
    expires, failures = {}, []
    for model in store.models():
        if progress:
            progress(model, 0.5)
        try:
            pointer = store.resign(model)
        except StoreError as error:
            failures.append(f"{model}: {error}")
            continue
        if pointer:
            expires[model] = pointer.expires
    if failures:
        raise StoreError("; ".join(failures))
    return expires


def _publish_file(
    store: Store,
    run: ModelRun,
    decision: dict[str, Any],
    actor: str,
    force: str | None = None,
) -> PublishResult:
    reason = decision["summary"]
    action: Literal["promote", "force"] = _PROMOTE
    if force is not None:
        reason, action = f"{force} (the gate said: {reason})", FORCE
    if not decision.get("sha256"):
        raise SmartwattsError(f"the file of {run.model} was not judged", fix="run convert first")
    content = run.read(f"{run.model}.tflite")
    if hashlib.sha256(content).hexdigest() != decision["sha256"]:
        raise TrustError(
            f"{run.uri(f'{run.model}.tflite')} is not the file that was judged",
            fix="run convert again",
        )
    published = store.publish(
        run.model,
        content,
        _manifest_fields(run.snapshot, decision),
        run_id=run.run_id,
        actor=actor,
        reason=reason,
        action=action,
        judged_against=decision["champion_version"],
    )
    return PublishResult(
        model=run.model,
        outcome=_PUBLISHED,
        summary=reason if force is None else f"{run.model} forced by {actor}: {reason}",
        version=published.version,
        serial=published.serial,
        file=run.objects.uri(file_key(run.model, published.version)),
        new_key=str(published.new_key) if published.new_key else None,
    )


def _keep_champion(store: Store, run: ModelRun, decision: dict[str, Any]) -> PublishResult:
    """Nothing changes but the pointer's expiry: somebody looked, and the champion stands."""
    pointer = store.resign(run.model)
    return PublishResult(
        model=run.model,
        outcome=_KEPT,
        summary=decision["summary"],
        version=pointer.version if pointer else None,
        serial=pointer.serial if pointer else None,
        file=run.objects.uri(file_key(run.model, pointer.version)) if pointer else None,
    )


def _manifest_fields(snapshot: Snapshot, decision: dict[str, Any]) -> dict[str, Any]:
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
        "inputs": decision["inputs"],
        "outputs": decision["outputs"],
        "metrics": _with_slices(decision),
        "decision": {
            "accepted": decision["accepted"],
            "reasons": decision["reasons"],
            "holdout_digest": decision["holdout_digest"],
        },
        "quantization": decision["quantization"],
    }


def _with_slices(decision: dict[str, Any]) -> dict[str, Any]:
    """The metrics of each system, and those of challenger and champion by slice too. A
    manifest stays a small object: of very many sites the run's report tells."""
    metrics = dict(decision["metrics"])
    for system in (CHALLENGER, CHAMPION):
        slices = decision["slices"].get(system, {})
        if len(slices) > _MOST_SLICES:
            slices = {name: s for name, s in slices.items() if not name.startswith("site ")}
        if metrics.get(system) and slices:
            metrics[system] = {**metrics[system], "slices": slices}
    return metrics
