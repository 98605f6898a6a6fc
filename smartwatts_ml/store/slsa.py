"""How a version was made, as SLSA provenance v1: https://slsa.dev/spec/v1.0/provenance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from smartwatts_ml.store.canonical import without_floats
from smartwatts_ml.store.documents import Manifest

__all__ = ["PROVENANCE_PREDICATE", "provenance"]

PROVENANCE_PREDICATE: Final = "https://slsa.dev/provenance/v1"
_BUILD_TYPE: Final = "urn:smartwatts:retraining:v1"
_BUILDER: Final = "urn:smartwatts:signer:v1"
_PACKAGE: Final = "smartwatts-ml"


def provenance(manifest: Manifest, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The predicate, without floats and without times. ``evidence``: what the run knows:
    ``parameters`` that somebody chose for it, ``settings`` that were in force, ``libraries`` by
    name, and ``files``, the digests of what its stages left."""
    said = without_floats(evidence)
    code, _, commit = manifest.code.partition("+")
    return {
        "buildDefinition": {
            "buildType": _BUILD_TYPE,
            "externalParameters": {"model": manifest.model, **said.get("parameters", {})},
            "internalParameters": {
                "settings": said.get("settings", {}),
                "decision": manifest.decision,
            },
            "resolvedDependencies": [
                _readings(manifest.snapshot),
                _package(_PACKAGE, code, {"commit": commit} if commit else {}),
                *(_package(n, version) for n, version in sorted(said.get("libraries", {}).items())),
            ],
        },
        "runDetails": {
            "builder": {"id": _BUILDER, "version": {_PACKAGE: manifest.code}},
            "metadata": {"invocationId": manifest.run_id},
            "byproducts": [
                {"name": name, "digest": {"sha256": sha256}}
                for name, sha256 in sorted(said.get("files", {}).items())
            ],
        },
    }


def _readings(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """The snapshot that the run pinned; its digest is that of the list of its files."""
    facts = {name: value for name, value in snapshot.items() if name != "digest"}
    return {
        "name": "readings",
        "digest": {"sha256": str(snapshot.get("digest") or "")},
        "annotations": facts,
    }


def _package(name: str, version: str, more: Mapping[str, str] | None = None) -> dict[str, Any]:
    described: dict[str, Any] = {"name": name, "uri": f"pkg:pypi/{name}@{version}"}
    return described | ({"annotations": dict(more)} if more else {})
