"""Golden vectors: what a file gives here, told so that another runtime can be held to it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.commands.verifying import check_runs
from smartwatts_ml.errors import BadInputError, SmartwattsError, TrustError, UsageError
from smartwatts_ml.modelfiles import runtimes
from smartwatts_ml.modelfiles.golden import needs_of, serve_vectors, vectors_run
from smartwatts_ml.modelfiles.needs import Needs, packed, unpacked
from smartwatts_ml.modelfiles.runtimes import try_on
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.store import Manifest
from smartwatts_ml.store.canonical import canonical_json, without_floats
from tests.modelfiles.litert_files import NEG, kettle_file
from tests.store.helpers import FIELDS

WINDOW = 512


@pytest.fixture(scope="module")
def needs() -> Needs:
    return needs_of(kettle_file())


def test_needs_are_small_deterministic_and_survive_the_manifest(needs: Needs) -> None:
    text = canonical_json(without_floats(asdict(needs)))
    assert len(text) < 6_000
    assert Needs.read(json.loads(text), "it") == Needs.read(asdict(needs), "it")
    assert needs_of(kettle_file()) == needs
    assert [(use.name, use.version, use.count) for use in needs.operators] == [("ABS", 1, 1)]
    assert (needs.least, needs.contract) == ("", 1)


def test_vectors_have_a_whole_window_and_one_with_missing_readings(needs: Needs) -> None:
    shape = {"mains_w": (1, WINDOW, 1)}
    whole, holed = (needs.inputs(vector, shape)["mains_w"] for vector in needs.vectors)
    assert np.isfinite(whole).all() and np.isnan(holed).any()
    (power,) = (v.outputs["power_w"] for v in needs.vectors[:1])
    wanted = np.abs(whole.ravel())[:: power.every]
    assert [float(value or "nan") for value in power.values] == pytest.approx(wanted)


def test_a_file_passes_its_own_vectors_and_another_does_not(needs: Needs) -> None:
    (own,) = serve_vectors(kettle_file(), "nilm.tflite", asdict(needs))
    assert own.share < 0.1
    other = kettle_file(NEG)
    (off,) = serve_vectors(other, "nilm.tflite", asdict(needs))
    assert off.name == "power_w" and not off.tolerable


def test_what_is_missing_or_not_finite_is_beyond_any_tolerance(needs: Needs) -> None:
    whole = needs.vectors[0]
    outputs = {"power_w": np.full(WINDOW, np.nan), "on_probability": np.ones(512)}
    assert needs.deviation(whole, outputs).share == np.inf
    assert needs.deviation(whole, {"on_probability": np.ones(512)}).share == np.inf
    assert replace(needs, tolerances={}).deviation(whole, outputs).share == np.inf


@pytest.mark.parametrize(
    ("items", "size"),
    [([1, 2], 3), ([[1, 4]], 3), ([[1, 0], 1], 1), ([[1, -1], 1, 1], 1), (["one"], 1)],
)
def test_inputs_of_another_size_or_of_no_numbers_are_refused(items: list[Any], size: int) -> None:
    with pytest.raises(BadInputError, match="golden vectors"):
        unpacked(items, size)


def test_numbers_come_back_as_they_were() -> None:
    values = np.array([0.25, np.nan, np.nan, np.nan, -3, 7, 7, 1e6, 0], np.float32)
    again = unpacked(json.loads(json.dumps(packed(values, 2))), len(values))
    np.testing.assert_array_equal(again, values)


@pytest.mark.parametrize(
    "spoil",
    [
        {"vectors": [{"inputs": {}, "outputs": {"power_w": {"every": 0, "values": []}}}]},
        {"vectors": [None] * 3},
        {"operators": "all"},
        {"tolerances": {"power_w": "inf"}},
        {"more": 1},
    ],
)
def test_vectors_that_are_none_are_refused(needs: Needs, spoil: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match="no valid golden vectors"):
        Needs.read(asdict(needs) | spoil, "nilm v1")


def manifest_of(content: bytes, needs: Needs | None) -> Manifest:
    runtime = None if needs is None else without_floats(asdict(needs))
    own = {"model": "nilm", "version": 1, "file": "nilm_v1.tflite", "sha256": sha256_of(content)}
    more = {"size": len(content), "created": "", "run_id": "run1", "runtime": runtime}
    return Manifest(**without_floats(FIELDS) | own | more)


@pytest.mark.slow
def test_what_was_pulled_is_run_before_it_takes_its_name(needs: Needs) -> None:
    content, other = kettle_file(), kettle_file(NEG)
    check_runs("nilm v1", content, manifest_of(content, needs).to_bytes())
    with pytest.raises(TrustError, match=r"power_w is off by .* times"):
        check_runs("nilm v1", other, manifest_of(other, needs).to_bytes())
    with pytest.raises(TrustError, match="nilm v1 has no golden vectors"):
        check_runs("nilm v1", content, manifest_of(content, None).to_bytes())
    with pytest.raises(BadInputError):
        vectors_run(b"\0\0\0\0TFL3" + b"\xff" * 64, needs, "nilm v1")


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A release that is there already: this one."""
    cache = tmp_path / "smartwatts" / "runtimes"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    python = cache / f"litert-9.9.9-python{version}" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return "9.9.9"


@pytest.mark.slow
def test_check_runs_a_file_on_a_release(release: str, tmp_path: Path, needs: Needs) -> None:
    file = tmp_path / "nilm_v1.tflite"
    file.write_bytes(kettle_file())
    call = ["models", "check", str(file), "--runtime", release]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0 and "✓" in done.stdout
    other = kettle_file(NEG)
    file.write_bytes(other)
    file.with_suffix(".json").write_bytes(manifest_of(other, needs).to_bytes())
    done = CliRunner().invoke(app, [*call, "--json"])
    assert isinstance(done.exception, SmartwattsError) and done.exception.exit_code == 1
    (trial,) = json.loads(done.stdout)
    assert (trial["release"], trial["deviation"]["name"]) == (release, "power_w")


@pytest.mark.slow
def test_a_file_that_does_not_run_on_a_release_says_why(
    release: str, needs: Needs, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = {"mains_w": (1, WINDOW, 1)}
    trial = try_on(release, kettle_file(), needs, shapes)
    assert trial.passed and "tolerated on LiteRT 9.9.9" in trial.text
    trial = try_on(release, b"\0\0\0\0TFL3" + b"\0" * 64, needs, shapes)
    assert not trial.passed and "does not run on LiteRT 9.9.9: " in trial.text
    monkeypatch.setattr(runtimes, "_RUN_S", 0.01)
    assert "not done after" in try_on(release, kettle_file(), needs, shapes).text


def test_what_is_no_release_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="no release of LiteRT"):
        try_on("1.4.0 --index-url x", b"", Needs("", [], 1, [], {}), {})
