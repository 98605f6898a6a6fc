"""What programs read: ``--json`` and the documents in a root."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from smartwatts_ml.commands.common import print_json
from smartwatts_ml.jsontext import json_text, parsed, plain
from smartwatts_ml.objects import open_root
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.settings import Settings


@dataclass(frozen=True)
class Part:
    loss: float


@dataclass(frozen=True)
class Whole:
    parts: tuple[Part, ...]
    at: datetime


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_numbers_that_json_lacks_are_null_at_any_depth(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"f1": float("nan"), "by": [{"mae": np.float64("inf")}, np.array([np.nan, 1.0])]})
    read = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert read == {"f1": None, "by": [{"mae": None}, [None, 1.0]]}


def test_documents_of_a_run_are_json_whatever_was_measured(tmp_path: Path) -> None:
    run = ModelRun(open_root(str(tmp_path)), Settings(), "run1", "nilm")
    run.write_json("decision.json", {"metrics": {"baseline": {"f1": float("nan")}}})
    read = json.loads(run.read("decision.json"), parse_constant=refuse)
    assert read == {"metrics": {"baseline": {"f1": None}}}


def test_dataclasses_come_back_as_they_were() -> None:
    whole = Whole((Part(0.5), Part(2.0)), datetime(2026, 11, 22, tzinfo=UTC))
    assert parsed(Whole, json.loads(json_text(whole))) == whole
    assert plain(whole)["at"] == "2026-11-22T00:00:00Z"
    with pytest.raises(ValueError, match="at"):
        parsed(Whole, {"parts": []})
