"""Publish: the accepted file becomes the next version, or the champion stays for a reason.

Fails closed: what is published is the very file that was judged, against the champion
that is in force. Run again after a crash, it completes what the first attempt left.
"""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from smartwatts_ml import __version__
from smartwatts_ml.errors import SmartwattsError, TrustError
from smartwatts_ml.kinds.base import Progress
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.table import Snapshot
from smartwatts_ml.runs import ModelRun
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Store
from smartwatts_ml.store.documents import file_key
from smartwatts_ml.store.state import record_decision

__all__ = ["PublishResult", "publish"]

PUBLISHED: Literal["published"] = "published"
KEPT: Literal["kept"] = "kept"


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

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def publish(
    objects: Objects,
    settings: Settings,
    run_id: str,
    model: str,
    *,
    actor: str,
    progress: Progress | None = None,
) -> PublishResult:
    """Put the run's accepted file in force, or sign the champion's pointer again; then
    record the decision in the model's state."""
    run = ModelRun(objects, settings, run_id, model)
    decision = run.read_json("decision.json")
    store = Store(objects, Path(settings.keys), pointer_days=settings.pointer_days)
    if decision["accepted"]:
        result = _publish_file(store, run, decision, actor)
    else:
        result = _keep_champion(store, run, decision)
    record_decision(
        objects,
        model,
        run.snapshot,
        run_id=run_id,
        outcome=result.outcome,
        reason=result.summary,
    )
    if progress:
        note = f"; new signing key {result.new_key}, keep a copy" if result.new_key else ""
        progress(f"{result.outcome}: {result.summary}{note}", 1.0)
    return result


def _publish_file(
    store: Store, run: ModelRun, decision: dict[str, Any], actor: str
) -> PublishResult:
    if not decision.get("sha256"):
        raise SmartwattsError(f"the file of {run.model} was not judged", fix="run convert first")
    content = run.read(f"{run.model}.tflite")
    if hashlib.sha256(content).hexdigest() != decision["sha256"]:
        raise TrustError(
            f"{run.objects.uri(run.key(f'{run.model}.tflite'))} is not the file that was judged",
            fix="run convert again",
        )
    published = store.publish(
        run.model,
        content,
        _manifest_fields(run.snapshot, decision),
        run_id=run.run_id,
        actor=actor,
        reason=decision["summary"],
        judged_against=decision["champion_version"],
    )
    return PublishResult(
        model=run.model,
        outcome=PUBLISHED,
        summary=decision["summary"],
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
        outcome=KEPT,
        summary=decision["summary"],
        version=pointer.version if pointer else None,
        serial=pointer.serial if pointer else None,
        file=run.objects.uri(file_key(run.model, pointer.version)) if pointer else None,
    )


def _manifest_fields(snapshot: Snapshot, decision: dict[str, Any]) -> dict[str, Any]:
    """What the manifest says beside what the store knows itself."""
    seen = snapshot.to_json()
    return {
        "code": _code_version(),
        "snapshot": {
            "version": seen["version"],
            "digest": seen["digest"],
            "from": seen["start"],
            "to": seen["end"],
            "rows": seen["rows"],
            "sites": seen["sites"],
        },
        "inputs": decision["inputs"],
        "outputs": decision["outputs"],
        "metrics": decision["metrics"],
        "decision": {
            "accepted": decision["accepted"],
            "reasons": decision["reasons"],
            "holdout_digest": decision["holdout_digest"],
        },
        "quantization": decision["quantization"],
    }


def _code_version() -> str:
    """Package version, and the commit where the code runs from a git checkout."""
    package = Path(__file__).resolve().parents[1]
    if not (package.parent / ".git").exists():
        return __version__
    try:
        commit = subprocess.run(
            ["git", "-C", str(package), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__}+{commit}"
