"""A refitted version and the file that was judged in its place.

What ships has learned the holdout of the challengers that follow it, so they meet the file that
it was refitted from. The manifest names that file's digest; the file itself, and what it was
trained on, are kept below ``state/judged/`` for as long as the version is there, whatever
becomes of the run that made them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.judging.trained_on import TRAINED_ON, judged_key
from smartwatts_ml.names import check_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.runs.folders import MAX_RECORD_BYTES
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.store import Manifest, Store

__all__ = [
    "JUDGED_SHA256",
    "REFIT",
    "REFIT_FILE",
    "Met",
    "drop_judged_files",
    "keep_judged_file",
    "met_file",
    "read_judged_file",
]

REFIT, REFIT_FILE = "refit.json", "refitted.tflite"
JUDGED_SHA256 = "judged_sha256"
"""Where a manifest's decision says which file was judged, if another one ships."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_FILE_BYTES = 64 << 20
_UNFINISHED_FOR = timedelta(days=7)
"""So long a publish that broke off may still be completed."""


@dataclass(frozen=True)
class Met:
    """The file of a version that challengers meet; ``judged``: the digest of the one that was
    judged, which it is unless that is ``gone``."""

    content: bytes
    judged: str
    gone: bool = False


def read_judged_file(run: ModelRun, sha256: str) -> bytes:
    """The run's file as it was judged. Raises TrustError where it is another one."""
    content = run.read(f"{run.model}.tflite")
    if sha256_of(content) != sha256:
        raise TrustError(
            f"{run.uri(f'{run.model}.tflite')} is not the file that was judged",
            fix="run convert again",
        )
    return content


def keep_judged_file(run: ModelRun, content: bytes, *, ships: bool) -> None:
    """Keep what is known of a run's judged file, and the file itself unless that ``ships``."""
    sha256 = sha256_of(content)
    if not ships:
        run.objects.write(judged_key(run.model, sha256), content)
    try:
        learned = run.read(TRAINED_ON, MAX_RECORD_BYTES)
    except NotFoundError:
        return
    run.objects.write(judged_key(run.model, sha256, TRAINED_ON), learned)


def met_file(run: ModelRun, manifest: Manifest, shipped: bytes) -> Met:
    """What a challenger meets of a version: what was judged, or what ships where that is the
    same, or where what was judged is gone or damaged."""
    digest = _judged_sha256(manifest)
    if digest == manifest.sha256:
        return Met(shipped, digest)
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        return Met(shipped, manifest.sha256, gone=True)
    judging = ModelRun(run.objects, run.settings, manifest.run_id, run.model)
    for key in (judged_key(run.model, digest), judging.key(f"{run.model}.tflite")):
        try:
            content = run.objects.read(key, _MAX_FILE_BYTES).data
        except (NotFoundError, TrustError):
            continue
        if sha256_of(content) == digest:
            return Met(content, digest)
    return Met(shipped, digest, gone=True)


def drop_judged_files(objects: Objects, store: Store, model: str) -> int:
    """Remove what was kept for versions that are not there any more; how many files. What is
    younger than a week stays: its version may be about to be published. So does everything
    where a manifest does not verify, since what that names is not known."""
    versions = store.versions(model)
    if any(stored.was_in_force and stored.manifest is None for stored in versions):
        return 0
    wanted = {_judged_sha256(stored.manifest) for stored in versions if stored.manifest}
    before = datetime.now(UTC) - _UNFINISHED_FOR
    gone = [
        info.key
        for info in objects.list(f"state/judged/{check_model(model)}/")
        if info.arrived < before and info.key.rsplit("/", 1)[1].split(".")[0] not in wanted
    ]
    for key in gone:
        objects.delete(key)
    return len(gone)


def _judged_sha256(manifest: Manifest) -> Any:
    """The digest of what was judged of a version."""
    return manifest.decision.get(JUDGED_SHA256) or manifest.sha256
