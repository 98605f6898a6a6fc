"""What the stages of a run have left, by digest: a stage takes nothing else for its input.

A scheduler hands the digests from task to task. On the command line they lie beside the
files, in a statement that this machine signed for itself, so that whoever may write into the
run's folder cannot make them say something else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.runs.folders import MAX_RECORD_BYTES
from smartwatts_ml.runs.run import LABELS, SNAPSHOT, ModelRun
from smartwatts_ml.store import KeyFolder
from smartwatts_ml.store.canonical import parse_json
from smartwatts_ml.store.statements import RUN_PREDICATE, open_statement, seal_statement, statement

__all__ = ["begin_outputs", "read_outputs", "write_outputs"]

_STATEMENT: Final = "run.intoto.jsonl"
_AGAIN = (
    "go on where its last stage was done, of a run of Airflow where `publish` was;"
    " or `smartwatts retrain` here"
)


def begin_outputs(snapshot_sha256: str, labels_sha256: str = "") -> dict[str, str]:
    """What a run begins with: the snapshot that it pinned, and the labels if there are any."""
    return {SNAPSHOT: snapshot_sha256, **({LABELS: labels_sha256} if labels_sha256 else {})}


def write_outputs(run: ModelRun) -> None:
    """Sign what the run's stages have left so far, for the next one on this machine."""
    signer = KeyFolder(Path(run.settings.keys)).run_signer()
    left = statement(run.left or {}, RUN_PREDICATE, {"run": run.run_id, "model": run.model})
    run.objects.write(run.key(_STATEMENT), seal_statement(left, [signer]))


def read_outputs(run: ModelRun) -> dict[str, str]:
    """What the run's stages have left, as this machine signed it. Raises TrustError."""
    where = run.uri(_STATEMENT)
    signer = KeyFolder(Path(run.settings.keys)).run_signer()
    try:
        data = run.objects.read(run.key(_STATEMENT), MAX_RECORD_BYTES).data
    except NotFoundError as error:
        raise NotFoundError(f"{where} is not there", fix=_AGAIN) from error
    try:
        said = parse_json(open_statement(data, [signer.public_key], 1, where))
        named = {item["name"]: item["digest"]["sha256"] for item in said["subject"]}
        run_id, model = (said["predicate"][part] for part in ("run", "model"))
    except TrustError as error:
        raise TrustError(f"{where} was not signed on this machine", fix=_AGAIN) from error
    except (ValueError, KeyError, TypeError) as error:
        raise TrustError(f"{where} is no statement of a run", fix=_AGAIN) from error
    if (run_id, model) != (run.run_id, run.model):
        raise TrustError(f"{where} is of {model} in run {run_id}", fix=_AGAIN)
    return {str(name): str(sha256) for name, sha256 in named.items()}
