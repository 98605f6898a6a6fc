"""The bill of materials of a version: CycloneDX 1.6 with its model card, as plain JSON.

https://cyclonedx.org/docs/1.6/json/. The same version gives the same text: it has no time and no
random number.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

from smartwatts_ml.reports.card import CardMetric, ModelCard

__all__ = ["BOM_PREDICATE", "bill_of_materials"]

BOM_PREDICATE: Final = "https://cyclonedx.org/bom/v1.6"
"""Of an in-toto statement that carries one."""
_READINGS: Final = "readings"


def bill_of_materials(
    card: ModelCard, snapshot: Mapping[str, Any], libraries: Mapping[str, str]
) -> dict[str, Any]:
    """What a version was made of. ``snapshot``: of the readings, as in the manifest;
    ``libraries``: versions by name."""
    model = f"{card.model}.tflite"
    made_with = [_library(name, version) for name, version in sorted(libraries.items())]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'sha256:{card.sha256}')}",
        "version": 1,
        "metadata": {
            "component": _model(card, model),
            "tools": {
                "components": [
                    {"type": "application", "name": "smartwatts-ml", "version": card.code}
                ]
            },
        },
        "components": [_readings(card, snapshot), *made_with],
        "dependencies": [
            {"ref": model, "dependsOn": [_READINGS, *(lib["bom-ref"] for lib in made_with)]}
        ],
    }


def _model(card: ModelCard, ref: str) -> dict[str, Any]:
    properties = {
        "smartwatts:run": card.run_id,
        "smartwatts:quantization": card.quantization,
        "smartwatts:contract": "" if card.contract is None else str(card.contract),
        "smartwatts:least-tensorflow-lite": card.runtime,
    }
    return {
        "type": "machine-learning-model",
        "bom-ref": ref,
        "name": card.model,
        "description": card.intended_use or card.title,
        "hashes": [{"alg": "SHA-256", "content": card.sha256}],
        "modelCard": _model_card(card),
        "properties": [{"name": n, "value": v} for n, v in properties.items() if v],
    }


def _model_card(card: ModelCard) -> dict[str, Any]:
    lacks = [f"{name} is left out: {why}" for name, why in card.left_out.items()]
    return {
        "modelParameters": {
            "task": card.title,
            "datasets": [{"ref": _READINGS}],
            "inputs": [{"format": tensor} for tensor in card.inputs],
            "outputs": [{"format": tensor} for tensor in card.outputs],
        },
        "quantitativeAnalysis": {"performanceMetrics": list(_measured(card))},
        "considerations": {
            "useCases": [card.intended_use] if card.intended_use else [],
            "technicalLimitations": [*card.limits, *lacks],
            "performanceTradeoffs": list(card.reasons),
        },
    }


def _measured(card: ModelCard) -> Iterator[dict[str, str]]:
    yield from _values(card.metrics, {})
    for part in card.parts:
        yield from _values(part.metrics, {"slice": part.name})


def _values(metrics: tuple[CardMetric, ...], more: Mapping[str, str]) -> Iterator[dict[str, str]]:
    for metric in metrics:
        if metric.value is not None:
            yield {"type": metric.label, "value": f"{metric.value:.6g}", **more}


def _readings(card: ModelCard, snapshot: Mapping[str, Any]) -> dict[str, Any]:
    said = f"{card.rows} readings of {card.sites} sites from {card.since} to {card.until}"
    data = {
        "type": "dataset",
        "name": "meter readings of homes",
        "description": said,
        "sensitiveData": ["power of homes by time; not in this file, nor in the model's store"],
    }
    return {
        "type": "data",
        "bom-ref": _READINGS,
        "name": _READINGS,
        "version": f"snapshot {card.snapshot}",
        "data": [data],
        "properties": [
            {"name": "smartwatts:snapshot-digest", "value": str(snapshot.get("digest") or "")}
        ],
    }


def _library(name: str, version: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
