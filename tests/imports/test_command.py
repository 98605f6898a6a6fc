"""``smartwatts import``, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import BadInputError
from smartwatts_ml.imports import FORMATS, files, text
from tests.imports.sets import contents, make_house, make_refit, read_rows, refit_lines, run, series


def smartwatts(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_what_is_imported_is_ingested_once(tmp_path: Path) -> None:
    landing = tmp_path / "root" / "landing"
    root = ("--root", tmp_path / "root")
    make_refit(tmp_path / "CLEAN_House2.csv", refit_lines(500))
    labels = {1: "aggregate", 2: "kettle"}
    make_house(tmp_path / "dale", 1, labels, {k: series(500, k) for k in labels})
    for words in (("refit", tmp_path / "CLEAN_House2.csv"), ("ukdale", tmp_path / "dale")):
        assert smartwatts("import", *words, "--out", landing).exit_code == 0
    assert json.loads(smartwatts("ingest", "--json", *root).stdout)["accepted"] == 6000
    stats = json.loads(smartwatts("readings", "stats", "--json", *root).stdout)
    assert {s["site"]: (len(s["channels"]), s["rows"], s["native_s"]) for s in stats["sites"]} == {
        "refit_house2": (10, 5000, 8),
        "ukdale_house1": (2, 1000, 6),
    }
    assert stats["sites"][0]["start"] == "2014-03-01T00:00:00Z"
    smartwatts("import", "ukdale", tmp_path / "dale", "--out", landing)
    again = json.loads(smartwatts("ingest", "--json", *root).stdout)
    assert (again["accepted"], again["rejected"]) == (0, 0)


def test_the_summary_shows_what_became_of_each_label(tmp_path: Path) -> None:
    lines = refit_lines(50)
    lines[7] = "damaged"
    make_refit(tmp_path / "CLEAN_House2.csv", lines)
    result = smartwatts("import", "refit", tmp_path, "--out", tmp_path / "out", "--period", 16)
    assert result.exit_code == 0
    assert "Fridge-Freezer" in result.stdout
    assert "51 lines = 1 header + 0 blank + 1 bad + 49 used" in result.stdout
    assert "CLEAN_House2.csv:9: 1 columns instead of 13: 'damaged'" in result.stdout
    assert "1 bad line left out" in result.stderr


def test_json_prints_accounts_that_add_up(tmp_path: Path) -> None:
    make_refit(tmp_path / "CLEAN_House2.csv", refit_lines(50))
    result = smartwatts("import", "refit", tmp_path, "--out", tmp_path / "out", "--json")
    house = json.loads(result.stdout)["houses"][0]
    assert house["channels"][8] | {"first": "2014-03-01T00:00:00Z"} == {
        "sources": ["Appliance8"],
        "label": "Kettle",
        "channel": "kettle",
        "power": "active",
        "taken": 50,
        "used": 50,
        "written": 50,
        **dict.fromkeys(("duplicate", "missing", "flagged", "unpaired", "late"), 0),
        "first": "2014-03-01T00:00:00Z",
        "last": "2014-03-01T00:06:32Z",
    }


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_teaches_by_example_and_refuses_what_is_not_there(
    name: str, tmp_path: Path
) -> None:
    assert "Example: smartwatts import" in smartwatts("import", name, "--help").stdout
    result = smartwatts("import", name, tmp_path / "nowhere", "--out", tmp_path / "out")
    assert isinstance(result.exception, BadInputError)
    assert result.exception.exit_code == 3


def test_blocks_and_parts_make_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = refit_lines(400)
    lines[100] = "damaged"
    make_refit(tmp_path / "CLEAN_House2.csv", lines)
    whole = run("refit", tmp_path, tmp_path / "whole")
    monkeypatch.setattr(text, "_BLOCK", 1000)
    monkeypatch.setattr(files, "_ROWS", 900)
    parts = run("refit", tmp_path, tmp_path / "parts")
    assert whole.to_json()["houses"] == parts.to_json()["houses"]
    assert len(contents(tmp_path / "parts")) > 3
    one, two = read_rows(tmp_path / "whole"), read_rows(tmp_path / "parts")
    assert {k: sorted(v) for k, v in one.items()} == {k: sorted(v) for k, v in two.items()}


def test_a_line_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_BLOCK", 1000)
    make_refit(tmp_path / "CLEAN_House2.csv", ["x" * 5000])
    with pytest.raises(BadInputError, match=r"CLEAN_House2.csv:2: a line without an end"):
        run("refit", tmp_path, tmp_path / "out")
