"""The stage: what was judged is what is published, against the champion in force."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import (
    ChangedError,
    NotFoundError,
    SmartwattsError,
    StoreError,
    TrustError,
    UsageError,
)
from smartwatts_ml.gate import Decision, not_judged
from smartwatts_ml.jsontext import plain
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.table.table import Snapshot
from smartwatts_ml.runs.run import SNAPSHOT as SNAPSHOT_NAME
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.runs.snapshot import pin_snapshot
from smartwatts_ml.runs.stage_outputs import write_outputs
from smartwatts_ml.runs.state import read_state
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.stages.branch import log_progress, run_stage
from smartwatts_ml.stages.order import stage_named
from smartwatts_ml.stages.publish import publish
from smartwatts_ml.stages.renew import renew_timestamp
from smartwatts_ml.store import Store
from smartwatts_ml.store.metadata import digest
from tests.store.helpers import (
    FragileObjects,
    PowerCutError,
    content,
    keys_of,
    opened,
    with_keys,
)

NOT_REFITTED = "nilm ships as it was judged: nobody trained it again"
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
    """The run, and what its stages handed over: what lies there now."""
    prefix = f"runs/{run_id}/nilm/"
    names = [info.key.removeprefix(prefix) for info in objects.list(prefix)]
    left = {name: digest(objects.read(prefix + name).data) for name in names}
    left[SNAPSHOT_NAME] = digest(objects.read(f"runs/{run_id}/snapshot.json").data)
    return ModelRun(objects, current, run_id, "nilm", left)


def brief(current: Settings) -> Settings:
    """Timestamps that hold for an hour."""
    return current.model_copy(update={"timestamp_hours": 1.0})


def store_of(objects: Objects, current: Settings) -> Store:
    return Store(objects, Path(current.keys))


@pytest.fixture(autouse=True)
def keys(objects: Objects, current: Settings, request: pytest.FixtureRequest) -> None:
    """The ceremony, but for the store that is new."""
    if "new_store" not in request.node.name:
        with_keys(store_of(objects, current))


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
        "summary": f"nilm accepted: MAE 12.5 W; {NOT_REFITTED}",
        "version": 1,
        "serial": 1,
        "file": objects.uri("models/nilm/nilm_v1.tflite"),
        "new_key": None,
        "candidate": False,
    }
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
    assert champion.manifest.metrics["challenger"] == {"mae": "12.5"}
    assert (champion.entry.actor, champion.entry.reason) == ("ann", result.summary)
    state = read_state(objects, "nilm")
    assert state is not None
    assert state.snapshot is not None
    assert (state.outcome, state.rows, state.snapshot.version) == ("published", 5000, 7)


def test_numbers_are_signed_just_as_they_were_written(objects: Objects, current: Settings) -> None:
    judged(objects, "run1", metrics={"challenger": {"n": 3, "f1": None}, "champion": None})
    publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    metrics = store_of(objects, current).manifest("nilm", 1).metrics
    assert metrics["challenger"] == {"n": 3, "f1": None}


def test_no_home_is_named_in_what_ships(objects: Objects, current: Settings) -> None:
    slices = {"site berlin-7": {"mae": 9.5}, "site b": {"mae": 1.5}, "hours day": {"mae": 2.5}}
    judged(
        objects,
        "run1",
        accepted=False,
        summary="nilm kept: site berlin-7 loses 4 %",
        reasons=["site b gains", "site berlin-7 loses 4 %"],
        slices={"challenger": slices},
    )
    publish(run_of(objects, current, "run1"), log_progress, actor="ann", force="new meters")
    store = store_of(objects, current)
    manifest = store.manifest("nilm", 1)
    assert manifest.metrics["challenger"]["slices"] == {"hours day": {"mae": "2.5"}}
    names = site_names(objects, current)
    b, berlin = names("b"), names("berlin-7")
    assert manifest.decision["reasons"] == [f"{b} gains", f"{berlin} loses 4 %"]
    (entry,) = store.history("nilm")
    assert entry.reason == f"new meters (the gate said: nilm kept: {berlin} loses 4 %)"
    for info in objects.list("models/"):
        data = objects.read(info.key).data
        statements = data.splitlines() if info.key.endswith("jsonl") else []
        said = [b64decode(json.loads(line)["payload"]) for line in statements]
        assert not any(b"berlin" in text for text in (data, *said))


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
    assert again == first


def test_a_rejected_challenger_renews_the_timestamp_and_moves_the_state(
    objects: Objects, current: Settings
) -> None:
    judged(objects, "run1")
    publish(run_of(objects, brief(current), "run1"), log_progress, actor="ann")
    before = store_of(objects, current).pointer("nilm")
    judged(objects, "run2", 1, accepted=False, summary="nilm kept: F1 −0.02")
    result = publish(run_of(objects, current, "run2"), log_progress, actor="ann")
    assert (result.outcome, result.version, result.serial) == ("kept", 1, 1)
    assert result.file == objects.uri("models/nilm/nilm_v1.tflite")
    assert store_of(objects, current).pointer("nilm").expires > before.expires
    state = read_state(objects, "nilm")
    assert state is not None
    assert (state.run_id, state.outcome, state.reason) == ("run2", "kept", "nilm kept: F1 −0.02")


def test_a_champion_that_is_kept_and_whose_file_is_gone_is_said_to_be_so(
    objects: Objects, current: Settings
) -> None:
    judged(objects, "run1")
    publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    objects.delete("models/nilm/nilm_v1.tflite")
    judged(objects, "run2", 1, accepted=False, summary="nilm kept: F1 −0.02")
    result = publish(run_of(objects, current, "run2"), log_progress, actor="ann")
    assert result.summary.startswith("nilm kept: F1 −0.02; but v1 cannot be pulled: ")
    state = read_state(objects, "nilm")
    assert state is not None and state.reason == result.summary


def test_a_run_ends_by_renewing_the_timestamp(objects: Objects, current: Settings) -> None:
    judged(objects, "run1")
    publish(run_of(objects, brief(current), "run1"), log_progress, actor="ann")
    store = store_of(objects, current)
    before = store.pointer("nilm")
    expires = renew_timestamp(objects, current)
    after = store.pointer("nilm")
    assert expires == after.expires > before.expires
    assert (after.serial, after.commit_id) == (before.serial, before.commit_id)


def test_a_new_store_has_no_timestamp_to_renew(objects: Objects, current: Settings) -> None:
    assert renew_timestamp(objects, current) is None


def test_one_broken_model_does_not_keep_the_timestamp_from_being_renewed(
    objects: Objects, current: Settings
) -> None:
    store = store_of(objects, current)
    store.ceremonies.add_models(["anomaly"], [store.keys.offline_path])
    judged(objects, "run1")
    publish(run_of(objects, brief(current), "run1"), log_progress, actor="ann")
    objects.create("models/metadata/1.anomaly.json", b"[" * 100_000)
    before = store.pointer("nilm")
    with pytest.raises(StoreError, match="anomaly"):
        renew_timestamp(objects, current)
    assert store.pointer("nilm").expires > before.expires


def test_a_rejected_challenger_of_a_new_store_leaves_it_empty(
    objects: Objects, current: Settings
) -> None:
    judged(objects, "run1", accepted=False)
    result = publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    assert (result.version, result.serial, result.file) == (None, None, None)
    assert not list(objects.list("models/"))
    assert not (Path(current.keys) / "root.json").exists()


def test_a_file_that_was_not_judged_is_refused(objects: Objects, current: Settings) -> None:
    judged(objects, "run1")
    objects.write("runs/run1/nilm/nilm.tflite", content("another"))
    with pytest.raises(TrustError, match="not the file that was judged"):
        publish(run_of(objects, current, "run1"), log_progress, actor="ann")
    judged(objects, "run2", sha256=None)
    with pytest.raises(SmartwattsError, match="run convert first"):
        publish(run_of(objects, current, "run2"), log_progress, actor="ann")
    assert store_of(objects, current).champion("nilm") is None
    assert read_state(objects, "nilm") is None


def overwrite(objects: Objects, run_id: str) -> None:
    """What whoever may write into ``runs/`` can do: file and decision agree."""
    evil = content("evil")
    judged(objects, run_id, sha256=digest(evil), summary="nilm accepted: trust me")
    objects.write(f"runs/{run_id}/nilm/nilm.tflite", evil)


def test_a_file_and_a_decision_that_were_overwritten_together_are_not_published(
    objects: Objects, current: Settings
) -> None:
    judged(objects, "run1")
    run = run_of(objects, current, "run1")
    overwrite(objects, "run1")
    with pytest.raises(TrustError, match=r"decision\.json is not what the stage before left"):
        publish(run, log_progress, actor="ann")
    assert store_of(objects, current).champion("nilm") is None


def test_a_refit_that_was_planted_is_not_there(objects: Objects, current: Settings) -> None:
    judged(objects, "run1")
    run = run_of(objects, current, "run1")
    evil = content("evil")
    objects.write("runs/run1/nilm/refitted.tflite", evil)
    refit = {
        "accepted": True,
        "summary": "behaves as it was judged",
        "reasons": [],
        "judged_sha256": digest(content("run1")),
        "sha256": digest(evil),
        "quantization": "dynamic",
    }
    objects.write("runs/run1/nilm/refit.json", json.dumps(refit).encode())
    publish(run, log_progress, actor="ann")
    store = store_of(objects, current)
    assert store.read_file(store.manifest("nilm", 1)) == content("run1")


def test_a_snapshot_that_was_changed_ends_the_run(objects: Objects, current: Settings) -> None:
    judged(objects, "run1")
    run = run_of(objects, current, "run1")
    objects.write("runs/run1/snapshot.json", json.dumps({**asdict(SNAPSHOT), "rows": 1}).encode())
    with pytest.raises(TrustError, match="not what the run pinned"):
        publish(run, log_progress, actor="ann")


def test_a_run_of_which_nobody_says_what_it_left_is_not_published(
    objects: Objects, current: Settings
) -> None:
    judged(objects, "run1")
    with pytest.raises(TrustError, match="nothing says what the stages of run run1 left"):
        publish(ModelRun(objects, current, "run1", "nilm"), log_progress, actor="ann")


def test_the_command_publishes_what_this_machine_signed_and_no_planted_run(
    objects: Objects, current: Settings, root_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_ROOT", root_url)
    monkeypatch.setenv("SMARTWATTS_KEYS", current.keys)

    def published(*run: str) -> Result:
        return CliRunner().invoke(app, ["publish", "nilm", *run])

    judged(objects, "cli-29990101T000000Z-1f3a")  # planted: nobody signed what it left
    assert isinstance(published().exception, UsageError)
    assert isinstance(published("--run", "cli-29990101T000000Z-1f3a").exception, NotFoundError)
    judged(objects, "run1")
    run = run_of(objects, current, "run1")
    write_outputs(run)
    overwrite(objects, "run1")
    assert isinstance(published("--run", "run1").exception, TrustError)
    judged(objects, "run1")
    statement = objects.read("runs/run1/nilm/run.intoto.jsonl").data
    objects.write("runs/cli-29990101T000000Z-1f3a/nilm/run.intoto.jsonl", statement)
    stolen = published("--run", "cli-29990101T000000Z-1f3a")
    assert "is of nilm in run run1" in str(stolen.exception)
    assert published("--run", "run1").exit_code == 0
    for said in store_of(objects, current).statement("nilm", 1).splitlines():
        assert digest(content("run1")) in b64decode(json.loads(said)["payload"]).decode()


def test_a_run_that_a_machine_without_the_keys_made_is_not_forced(
    objects: Objects,
    current: Settings,
    root_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever may write into its folder could have signed it as well."""
    monkeypatch.setenv("SMARTWATTS_ROOT", root_url)
    monkeypatch.setenv("SMARTWATTS_KEYS", current.keys)
    judged(objects, "run1", accepted=False)

    def refused() -> str:
        words = ["publish", "nilm", "--run", "run1", "--force", "--reason", "new meters"]
        done = CliRunner().invoke(app, words)
        assert isinstance(done.exception, StoreError)
        return str(done.exception)

    where = "of a run of Airflow where `publish` was"
    assert "is not there" in (said := refused()) and where in said
    elsewhere = settings(root=root_url, keys=str(tmp_path / "elsewhere"))
    write_outputs(run_of(objects, elsewhere, "run1"))
    assert "not signed on this machine" in (said := refused()) and where in said
    assert store_of(objects, current).champion("nilm") is None


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

    def leave(run: ModelRun, **changes: Any) -> None:
        judged(objects, "run2", 1, **changes)
        assert run.left is not None
        run.left.update(run_of(objects, current, "run2").left or {})

    def validate_again(run: ModelRun, *_: Any) -> Decision:
        asked.append("validate")
        leave(run, accepted=accepted_again, sha256=None)
        return replace(not_judged("nilm", "worse"), accepted=accepted_again)

    def convert_again(run: ModelRun, *_: Any) -> Decision:
        asked.append("convert")
        leave(run)
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
    for limit in (0, 1000, 5_000):
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
@pytest.mark.parametrize("die_at", range(1, 8))
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
