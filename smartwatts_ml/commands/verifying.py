"""Running the golden vectors of what was pulled, before it takes its name."""

from __future__ import annotations

from smartwatts_ml.errors import BadInputError, TrustError
from smartwatts_ml.modelfiles.golden import vectors_run
from smartwatts_ml.modelfiles.needs import Needs
from smartwatts_ml.store import Manifest

__all__ = ["check_runs"]


def check_runs(name: str, file: bytes, manifest: bytes) -> None:
    """Raise TrustError where a version, of verified bytes, has no golden vectors or does not
    compute here what they say."""
    try:
        needs = Needs.read(Manifest.read(manifest, f"the manifest of {name}").runtime, name)
        deviation = vectors_run(file, needs, name)
    except BadInputError as error:
        raise TrustError(str(error)) from error
    if not deviation.tolerable:
        raise TrustError(
            f"{name} computes here something else than its golden vectors: {deviation.name} is"
            f" off by {deviation.share:.1f} times what is tolerated",
            fix="see `smartwatts models check` for other releases of LiteRT",
        )
