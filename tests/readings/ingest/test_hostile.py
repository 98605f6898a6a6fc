"""Hostile files: every line accounted for, every reason kept, never a traceback."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.objects import Objects, open_root
from tests.readings.ingest.hostile import Hostile, hostile_files, rows, text

COUNTS = ("lines", "header", "blank", "missing", "accepted", "duplicate", "rejected")
Outcome = str | tuple[dict[str, int], dict[int, str]]
BAD_ROWS = 20_000
BAD_ROWS_IN_FULL = 400_000
AWKWARD_NAMES = ("[red]x[/b].csv", "a b.csv", "ümläut 😀.csv", "-dash.csv", "%41.csv", "ends.CSV")


def smartwatts(objects: Objects, *words: str) -> subprocess.CompletedProcess[str]:
    """The real command, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "smartwatts_ml", *words, "--root", objects.url],
        capture_output=True,
        text=True,
        timeout=300,
        # A few watts are no home's mains, and are not what is tried here.
        env=os.environ | {"LC_ALL": "C.UTF-8", "SMARTWATTS_CHECK_MAINS": "false"},
    )


def land_all(objects: Objects, files: list[Hostile]) -> None:
    for file in files:
        assert file.content is not None
        objects.write(f"landing/{file.name}", file.content)


def land_what_is_no_file(root: Path) -> None:
    """A folder, links and a pipe that have the names of files."""
    landing = root / "landing"
    (landing / "folder.csv").mkdir()
    (landing / "folder.csv" / "below.csv").write_bytes(text(*rows(3, "below")))
    (landing / "dangling.csv").symlink_to(root / "nowhere.csv")
    (landing / "loop.csv").symlink_to(landing)
    (landing / "itself.csv").symlink_to(landing / "itself.csv")
    os.mkfifo(landing / "pipe.csv")
    for name in AWKWARD_NAMES:
        (landing / name).parent.mkdir(exist_ok=True)
        (landing / name).write_bytes(text(*rows(3, name)))


def quarantined(objects: Objects, key: str | None) -> dict[int, str]:
    """Reasons by line."""
    if key is None:
        return {}
    packed = objects.read(key).data
    found = list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode(), newline="")))
    kept = {int(row["line"]): row["reason"] for row in found}
    assert len(kept) == len(found)
    return kept


def outcome(objects: Objects, found: dict[str, Any]) -> Outcome:
    """Counts of lines, and the quarantined ones; or why the file was left."""
    if found["left"]:
        assert found["lines"] == found["accepted"] == 0
        return found["reason"]
    assert found["rejected"] == sum(found["reasons"].values())
    counts = {name: found[name] for name in COUNTS}
    return counts, quarantined(objects, found["quarantine"])


def expected_outcome(file: Hostile) -> Outcome:
    if file.left is not None:
        return file.left
    gone = file.blank + file.missing + file.duplicate + len(file.rejected)
    accepted = file.lines - 1 - gone
    counted = (
        file.lines,
        1,
        file.blank,
        file.missing,
        accepted,
        file.duplicate,
        len(file.rejected),
    )
    return dict(zip(COUNTS, counted, strict=True)), file.rejected


def agree(expected: Outcome, found: Outcome) -> bool:
    """Whether it is as expected; of a reason a part is."""
    if isinstance(expected, str) and isinstance(found, str):
        return expected in found
    return expected == found


def ingest_all(root: Path, files: list[Hostile]) -> tuple[Objects, dict[str, dict[str, Any]]]:
    """What the command says of each file; it is run twice and adds nothing the second time."""
    objects = open_root(str(root))
    land_all(objects, files)
    land_what_is_no_file(root)
    first = smartwatts(objects, "ingest", "--json")
    assert "Traceback" not in first.stderr, first.stderr
    assert first.returncode == 3, first.stderr
    report = json.loads(first.stdout)
    again = smartwatts(objects, "ingest")
    assert "Traceback" not in again.stderr, again.stderr
    assert again.returncode == 3
    assert "0 readings added" in again.stdout
    return objects, {file["key"].removeprefix("landing/"): file for file in report["files"]}


def check_all(root: Path, bad_rows: int) -> None:
    files = hostile_files(bad_rows)
    objects, found = ingest_all(root, files)
    outcomes = {
        file.name: (expected_outcome(file), outcome(objects, found[file.name])) for file in files
    }
    assert {name: pair for name, pair in outcomes.items() if not agree(*pair)} == {}
    for name in ("folder.csv/below.csv", *AWKWARD_NAMES):
        assert found[name]["accepted"] == 3
    assert not found.keys() & {"pipe.csv", "dangling.csv", "itself.csv"}
    assert len(found) >= 40


@pytest.mark.slow
def test_hostile_files_are_accounted_for_to_the_line(tmp_path: Path) -> None:
    check_all(tmp_path, BAD_ROWS)


@pytest.mark.full
def test_hostile_files_are_accounted_for_in_full_size(tmp_path: Path) -> None:
    check_all(tmp_path, BAD_ROWS_IN_FULL)
