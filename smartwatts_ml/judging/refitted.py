"""A refitted version and the file that was judged in its place.

What ships has learned the holdout of the challengers that follow it, so they meet the file that
it was refitted from, for as long as its run is there. The manifest names that file's digest.
"""

from __future__ import annotations

from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.store import Manifest

__all__ = [
    "JUDGED_SHA256",
    "REFIT",
    "REFIT_FILE",
    "met_file",
    "read_judged_file",
]

REFIT, REFIT_FILE = "refit.json", "refitted.tflite"
JUDGED_SHA256 = "judged_sha256"
"""Where a manifest's decision says which file was judged, if another one ships."""


def read_judged_file(run: ModelRun, sha256: str) -> bytes:
    """The run's file as it was judged. Raises TrustError where it is another one."""
    content = run.read(f"{run.model}.tflite")
    if sha256_of(content) != sha256:
        raise TrustError(
            f"{run.uri(f'{run.model}.tflite')} is not the file that was judged",
            fix="run convert again",
        )
    return content


def met_file(run: ModelRun, manifest: Manifest, shipped: bytes) -> bytes:
    """What a challenger meets of a version: what was judged, or what ships where that is the
    same, or where the run that judged is gone or damaged."""
    digest = manifest.decision.get(JUDGED_SHA256)
    if not digest:
        return shipped
    judging = ModelRun(run.objects, run.settings, manifest.run_id, run.model)
    try:
        return read_judged_file(judging, digest)
    except (NotFoundError, TrustError):
        return shipped
