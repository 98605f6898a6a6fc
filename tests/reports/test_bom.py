"""The bill of materials: CycloneDX as its schema has it, and the same for the same version."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from smartwatts_ml.kinds import model_names
from smartwatts_ml.reports.bom import bill_of_materials
from smartwatts_ml.reports.card import model_card
from tests.reports.test_card import manifest

SCHEMA = Path(__file__).with_name("bom-1.6.schema.json.gz")
"""As https://cyclonedx.org publishes it; licences and signatures, which it refers to, are not used
here."""
LIBRARIES = {"tensorflow": "2.21.0", "keras": "3.15.0"}


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    schema = json.loads(gzip.decompress(SCHEMA.read_bytes()))
    anything = DRAFT7.create_resource({"definitions": {"signature": {}}})
    others = ("spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json")
    base = schema["$id"].rpartition("/")[0]
    registry = Registry().with_resources((f"{base}/{name}", anything) for name in others)
    return Draft7Validator(schema, registry=registry)


def bom(**more: Any) -> dict[str, Any]:
    made = manifest(sha256="ab" * 32, **more)
    return bill_of_materials(model_card(made), made.snapshot, LIBRARIES)


@pytest.mark.parametrize("model", model_names())
def test_it_is_as_the_schema_of_cyclonedx_says(validator: Draft7Validator, model: str) -> None:
    made = bom(model=model)
    assert not list(validator.iter_errors(made))
    assert list(validator.iter_errors(made | {"specVersion": 2}))  # the schema does refuse


def test_it_has_the_card_the_readings_and_the_libraries() -> None:
    made = bom(runtime={"least": "2.11.0", "contract": 1})
    component = made["metadata"]["component"]
    card = component["modelCard"]
    assert component["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert {"type": "F1", "value": "0.9", "slice": "kettle"} in (
        card["quantitativeAnalysis"]["performanceMetrics"]
    )
    limits = card["considerations"]["technicalLimitations"]
    assert "fridge is left out: F1 0 against 0.35 of mean_power" in limits
    assert {p["name"]: p["value"] for p in component["properties"]} == {
        "smartwatts:run": "r",
        "smartwatts:quantization": "dynamic",
        "smartwatts:contract": "1",
        "smartwatts:least-tensorflow-lite": "2.11.0",
    }
    (depends,) = made["dependencies"]
    assert depends["dependsOn"] == [
        "readings",
        "pkg:pypi/keras@3.15.0",
        "pkg:pypi/tensorflow@2.21.0",
    ]


def test_the_same_version_has_the_same_bill() -> None:
    assert bom() == bom()
    assert (
        bom()["serialNumber"] != bill_of_materials(model_card(manifest()), {}, {})["serialNumber"]
    )
