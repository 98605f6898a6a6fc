"""The stage: what was judged is what is published, against the champion in force."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from smartwatts_ml.store.sealed import digest

from smartwatts_ml.errors import ChangedError, SmartwattsError, StoreError, TrustError
from smartwatts_ml.gate import Decision, not_judged
from smartwatts_ml.jsontext import plain
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.table.table import Snapshot
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.snapshot import pin_snapshot
from smartwatts_ml.runs.state import read_state
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.stages.branch import log_progress, run_stage
from smartwatts_ml.stages.order import stage_named
from smartwatts_ml.stages.publish import publish, resign_pointers
from smartwatts_ml.store import Store
from tests.store.helpers import FragileObjects, PowerCutError, content, keys_of, opened

SNAPSHOT = Snapshot(7, "d" * 64, 5000, "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", 3)


@pytest.fixture
def objects(root_url: str) -> Objects:
    return opened(root_url)


@pytest.fixture
def current(root_url: str, tmp_path: Path) -> Settings:
    return settings(root=root_url, keys=str(keys_of(tmp_path)))


def judged(
    objects: Objects, run_id: str, champion_version: int | None = None, **changes: Any
) -> None:
    """Leave in the run what validate and convert leave."""
    pin_snapshot(objects, run_id, SNAPSHOT)
    decision = {
        "schema": 1,
        "model": "nilm",
        "accepted": True,
        "reasons": ["MAE 12.5 W < 20.2 W"],
        "summary": "nilm accepted: MAE 12.5 W",
        "holdout_digest": "h",
        "metrics": {"challenger": {"mae": 12.5}, "champion": None, "baseline": {"mae": 20.25}},
        "slices": {"challenger": {"site h1": {"mae": 9.5}}, "dumb": {"site h1": {"mae": 30.5}}},
        "champion_version": champion_version,
        "sha256": digest(content(run_id)),
        "quantization": "dynamic",
        "inputs": [{"name": "mains_w", "shape": [1, 512, 1], "period_s": 60}],
        "outputs": [{"name": "power_w", "shape": [1, 512, 5]}],
    } | changes
    objects.write(f"runs/{run_id}/nilm/decision.json", json.dumps(decision).encode())
    objects.write(f"runs/{run_id}/nilm/nilm.tflite", content(run_id))


def run_of(objects: Objects, current: Settings, run_id: str) -> ModelRun:
    return ModelRun(objects, current, run_id, "nilm")


def store_of(objects: Objects, current: Settings) -> Store:
    return Store(objects, Path(current.keys))


def test_an_accepted_file_is_published_and_the_state_moves(
    objects: Objects, current: Settings
) -> None:
    judged(objects, "run1")
    said: list[str] = []
    result = publish(
        run_of(objects, current, "run1"), lambda text, _: said.append(text), actor="ann"
    )
    assert asdict(result) == {
        "model": "nilm",
        "outcome": "published",
        "summary": "nilm accepted: MAE 12.5 W",
        "version": 1,
        "serial": 1,
        "file": objects.uri("models/nilm/nilm_v1.tflite"),
        "new_key": f"{current.keys}/signing_key.pem",
    }
    assert "new signing key" in said[-1]
    store = store_of(objects, current)
    champion = store.champion("nilm")
    assert champion is not None
    assert store.read_file(champion.manifest) == content("run1")
    assert champion.manifest.snapshot == {
        "version": 7,
        "digest": "d" * 64,
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-03-01T00:00:00Z",
        "rows": 5000,
        "sites": 3,
    }
    assert champion.manifest.metrics["challenger"] == {
        "mae": "12.5",
        "slices": {"site h1": {"mae": "9.5"}},
    }
    assert (champion.entry.actor, champion.entry.reason) == ("ann", "nilm accepted: MAE 12.5 W")
    state = read_state(objects, "nilm")
    assert state is not None
    assert state.snapshot is not None
    assert (state.outcome, state.rows, state.snapshot.version) == ("published", 5000, 7)


def test_numbers_are_signed_just_as_they_were_written(objects: Objects, current: Settings) -> None:
    judged(objects, "run1", metrics={"challenger": {"n": 3, "f1": None}, "champion": None})
    publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    metrics = store_of(objects, current).manifest("nilm", 1).metrics
    assert metrics["challenger"] == {"n": 3, "f1": None, "slices": {"site h1": {"mae": "9.5"}}}


@pytest.mark.parametrize("change", [{"metrics": []}, {"quantization": None}, {"accepted": "no"}])
def test_a_damaged_decision_is_not_published(
    objects: Objects, current: Settings, change: dict[str, Any]
) -> None:
    judged(objects, "run1", **change)
    with pytest.raises(StoreError, match=r"decision\.json is damaged: (metrics|quant|accepted)"):
        publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    assert store_of(objects, current).champion("nilm") is None


def test_publishing_a_run_again_is_the_same_result(objects: Objects, current: Settings) -> None:
    judged(objects, "run1")
    first = publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    again = publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    assert again == replace(first, new_key=None)


def test_a_rejected_challenger_signs_the_pointer_again_and_moves_the_state(
    objects: Objects, current: Settings
) -> None:
    judged(objects, "run1")
    publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    before = store_of(objects, current).pointer("nilm")
    longer = current.model_copy(update={"pointer_days": current.pointer_days + 1})
    judged(objects, "run2", 1, accepted=False, summary="nilm kept: F1 −0.02")
    result = publish(run_of(objects, longer, "run2"), log_progress, actor="ann")
    assert (result.outcome, result.version, result.serial) == ("kept", 1, 1)
    assert result.file == objects.uri("models/nilm/nilm_v1.tflite")
    assert store_of(objects, current).pointer("nilm").expires > before.expires
    state = read_state(objects, "nilm")
    assert state is not None
    assert (state.run_id, state.outcome, state.reason) == ("run2", "kept", "nilm kept: F1 −0.02")


def test_a_run_ends_by_signing_every_pointer_again(objects: Objects, current: Settings) -> None:
    assert resign_pointers(objects, current) == {}
    judged(objects, "run1")
    publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    store = store_of(objects, current)
    before = store.pointer("nilm")
    longer = current.model_copy(update={"pointer_days": current.pointer_days + 1})
    expires = resign_pointers(objects, longer)
    after = store.pointer("nilm")
    assert expires == {"nilm": after.expires}
    assert after.expires > before.expires
    assert (after.serial, after.commit_id) == (before.serial, before.commit_id)


def test_one_broken_model_does_not_keep_the_other_pointers_from_being_signed(
    objects: Objects, current: Settings
) -> None:
    judged(objects, "run1")
    publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    objects.create("models/anomaly/history/0000000001.json", b"{}")
    longer = current.model_copy(update={"pointer_days": current.pointer_days + 1})
    before = store_of(objects, current).pointer("nilm")
    with pytest.raises(StoreError, match="anomaly"):
        resign_pointers(objects, longer)
    assert store_of(objects, current).pointer("nilm").expires > before.expires


def test_a_rejected_challenger_of_a_new_store_leaves_it_empty(
    objects: Objects, current: Settings
) -> None:
    judged(objects, "run1", accepted=False)
    result = publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    assert (result.version, result.serial, result.file) == (None, None, None)
    assert not list(objects.list("models/"))
    assert not Path(current.keys).exists()


def test_a_file_that_was_not_judged_is_refused(objects: Objects, current: Settings) -> None:
    judged(objects, "run1")
    objects.write("runs/run1/nilm/nilm.tflite", content("another"))
    with pytest.raises(TrustError, match="not the file that was judged"):
        publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    judged(objects, "run2", sha256=None)
    with pytest.raises(SmartwattsError, match="run convert first"):
        publish(run_of(objects, current, "run2"), log_progress, actor="ann")
    assert not list(objects.list("models/"))
    assert read_state(objects, "nilm") is None


def test_a_file_judged_against_an_older_champion_is_refused(
    objects: Objects, current: Settings
) -> None:
    for run_id in ("run1", "run2"):
        judged(objects, run_id)
    publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    with pytest.raises(ChangedError, match=r"judged against no champion.*run validate again"):
        publish(run_of(objects, current, "run2"), log_progress, actor="ann")
    judged(objects, "run2", 1)
    assert publish(run_of(objects, current, "run2"), log_progress, actor="ann").version == 2


@pytest.mark.slow
@pytest.mark.parametrize("accepted_again", [True, False])
def test_a_stale_challenger_is_judged_again_before_it_is_published(
    objects: Objects, current: Settings, monkeypatch: pytest.MonkeyPatch, accepted_again: bool
) -> None:
    """The stages that need TensorFlow are played; they leave what the real ones leave."""
    for run_id in ("run1", "run2"):
        judged(objects, run_id)
    publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    asked: list[str] = []

    def validate_again(*_: Any) -> Decision:
        asked.append("validate")
        judged(objects, "run2", 1, accepted=accepted_again, sha256=None)
        return replace(not_judged("nilm", "worse"), accepted=accepted_again)

    def convert_again(*_: Any) -> Decision:
        asked.append("convert")
        judged(objects, "run2", 1)
        return replace(not_judged("nilm", ""), accepted=True)

    monkeypatch.setattr("smartwatts_ml.stages.validate.validate", validate_again)
    monkeypatch.setattr("smartwatts_ml.stages.convert.convert", convert_again)
    run = run_of(objects, current, "run2")
    result = plain(run_stage(stage_named("publish"), run, log_progress, actor="ann"))
    assert asked == (["validate", "convert"] if accepted_again else ["validate"])
    assert (result["outcome"], result["version"]) == (
        ("published", 2) if accepted_again else ("kept", 1)
    )
    assert len(store_of(objects, current).history("nilm")) == result["version"]


@pytest.mark.slow
def test_a_file_that_no_disk_has_room_for_changes_nothing(
    objects: Objects, current: Settings, root_url: str
) -> None:
    if root_url.startswith("s3://"):
        pytest.skip("a bucket has no quota")
    judged(objects, "run1")
    publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    store = store_of(objects, current)
    before = store.verify("nilm")
    code = (
        "import sys, resource; from pathlib import Path\n"
        "from tests.store.helpers import new_store, FIELDS, content\n"
        "store = new_store(sys.argv[1], Path(sys.argv[2]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)\n"
        "store.publish('nilm', content('run2') * 99, FIELDS, run_id='run2', actor='a', reason='')"
    )
    for limit in (0, 1000, 20_000):
        run = subprocess.run(
            [sys.executable, "-c", code, root_url, Path(current.keys).parent, str(limit)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "StoreError: cannot write" in run.stderr
        assert store.verify("nilm") == before
    leftovers = [path for path in Path(root_url).rglob(".tmp-*")]
    assert leftovers == []


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("die_at", range(1, 6))
def test_a_crash_at_any_write_is_completed_by_a_rerun(
    objects: Objects, current: Settings, die_at: int, after: bool
) -> None:
    judged(objects, "run1")
    with pytest.raises(PowerCutError):
        publish(
            run_of(FragileObjects(objects, die_at, after), current, "run1"),
            log_progress,
            actor="ann",
        )
    result = publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    assert (result.version, result.serial) == (1, 1)
    assert len(store_of(objects, current).versions("nilm")) == 1
    state = read_state(objects, "nilm")
    assert state is not None
    assert state.outcome == "published"
