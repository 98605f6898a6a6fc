"""What model files say of themselves: files of earlier versions are read as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.base import Kind

EMBEDDED = sorted((Path(__file__).parent / "embedded").glob("*.json"))
"""Details as version 1.0.0 embedded them, each of a model that it trained."""
ORIGIN = {"run_id": "r1", "code": "1.0.0", "snapshot": {"version": 3, "digest": "d"}}


class Described:
    """A network of which only the details are asked."""

    def __init__(self, details: Mapping[str, Any]) -> None:
        self.details = details

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        raise AssertionError("only the details of this network are there")


def read(path: Path) -> tuple[Kind[Any], dict[str, Any]]:
    embedded = json.loads(path.read_text())
    return find_kind(embedded["kind"]), embedded


@pytest.mark.parametrize("path", EMBEDDED, ids=lambda path: path.stem)
def test_details_of_an_older_file_are_understood_and_kept_to_the_letter(path: Path) -> None:
    kind, embedded = read(path)
    embedded |= ORIGIN
    details = kind.read_details(embedded)
    assert details.to_json() == embedded
    assert kind.spec_of(details).name == embedded["model"]
    assert kind.work.predictor(Described(embedded))
    samples = kind.work.sample_inputs(details, 2, 0)
    shapes = {tensor.name: tensor.shape[1:] for tensor in details.inputs}
    assert {name: values.shape[1:] for name, values in samples.items()} == shapes


@pytest.mark.parametrize("path", EMBEDDED, ids=lambda path: path.stem)
def test_what_is_missing_is_named(path: Path) -> None:
    kind, embedded = read(path)
    fields = kind.details_class.model_fields.items()
    for name in (field.alias or name for name, field in fields if field.is_required()):
        lacking = {key: value for key, value in embedded.items() if key != name}
        with pytest.raises(BadInputError, match=f"{name}: Field required"):
            kind.read_details(lacking)
        with pytest.raises(BadInputError, match=name):
            kind.work.predictor(Described(lacking))


@pytest.mark.parametrize("path", EMBEDDED, ids=lambda path: path.stem)
def test_a_file_is_of_the_contract_that_it_names_or_else_of_the_first(path: Path) -> None:
    kind, embedded = read(path)
    assert "contract" not in embedded and kind.read_details(embedded).contract == 1
    older, newer = kind.contract > 1, {**embedded, "contract": kind.contract + 1}
    clause = kind.older_contract(kind.read_details(embedded))
    assert clause.startswith(f"is of contract 1, now {kind.contract}: ") is older
    now = kind.read_details({**embedded, "contract": kind.contract})
    assert kind.older_contract(now) == "" and now.to_json()["contract"] == kind.contract
    with pytest.raises(BadInputError, match=f"knows contracts up to {kind.contract}"):
        kind.read_details(newer)


def test_an_appliance_of_which_nothing_is_said_is_named() -> None:
    kind, embedded = read(next(path for path in EMBEDDED if path.stem == "nilm"))
    first = embedded["appliances"][0]
    del embedded["on_cuts"][first]
    with pytest.raises(BadInputError, match=f"on_cuts says nothing of {first}"):
        kind.read_details(embedded)


@pytest.mark.parametrize(
    ("stem", "name", "value"),
    [
        ("anomaly", "context_hours", 0),
        ("anomaly", "context_hours", 10**9),
        ("anomaly", "threshold", 1.5),
        ("anomaly", "max_alerts_per_month", -1),
        ("forecasting", "horizon", -1),
        ("forecasting", "horizon", 721),
        ("forecasting", "context_hours", 0),
        ("nilm", "window", 0),
        ("nilm", "window", 10**9),
        ("nilm", "period_s", 0),
    ],
)
def test_what_is_out_of_range_is_named(stem: str, name: str, value: float) -> None:
    kind, embedded = read(next(path for path in EMBEDDED if path.stem == stem))
    with pytest.raises(BadInputError, match=f"{name}: Input should be"):
        kind.read_details({**embedded, name: value})
