"""One value says which stages there are and in which order; nothing else spells it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.jsontext import plain
from smartwatts_ml.objects import open_root
from smartwatts_ml.progress import Progress
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.state import read_state
from smartwatts_ml.settings import settings
from smartwatts_ml.stages import order
from smartwatts_ml.stages.branch import log_progress, retrain, run_stage
from smartwatts_ml.stages.convert import JudgedFile
from smartwatts_ml.stages.order import STAGES, model_stages, stage_named
from smartwatts_ml.stages.tasks import handed_over, record_failure

ROOT = Path(__file__).parents[2]
FOLDERS = ("smartwatts_ml", "plugins", "dags", "scripts")


@dataclass(frozen=True)
class Result:
    """What a stand-in gives."""

    proceed: bool = True
    summary: str = "done"


class Played:
    """Stages that note that they were called; those in ``rejecting`` end the branch, those
    in ``breaking`` fail."""

    def __init__(self, patch: pytest.MonkeyPatch, run: ModelRun) -> None:
        self.called: list[str] = []
        self.run = run
        self.rejecting: set[str] = set()
        self.breaking: set[str] = set()
        self.shares: list[float] = []
        self._patch = patch

    def use(self, *stages: order.Stage) -> None:
        self._patch.setattr(order, "STAGES", stages)
        self._patch.setattr(order.Stage, "call", lambda stage, *given: self._call(stage, *given))

    def _call(self, stage: order.Stage, run: ModelRun, progress: Progress) -> Result:
        assert run is self.run
        self.called.append(stage.name)
        progress("half", 0.5)
        if stage.name in self.breaking:
            raise OSError("full")
        return Result(proceed=stage.name not in self.rejecting)

    def retrain(self, **options: Any) -> list[str]:
        def report(_: str, share: float) -> None:
            self.shares.append(share)

        assert retrain(self.run, report, {}, **options) is None
        return self.called


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Played:
    current = settings(root=str(tmp_path), keys=str(tmp_path / "keys"))
    return Played(monkeypatch, ModelRun(open_root(current.root), current, "run1", "nilm"))


def test_a_model_goes_through_the_stages_as_they_are_listed(played: Played) -> None:
    played.use(*STAGES)
    assert played.retrain() == [stage.name for stage in model_stages()]
    assert played.shares == sorted(played.shares)
    assert played.shares[-1] == 1


def test_a_stage_that_is_added_or_moved_is_followed(played: Played) -> None:
    extra = replace(stage_named("train"), name="extra", share=0.0)
    train, validate, convert, refit, _, publish = model_stages()
    played.use(validate, extra, train, publish, refit, convert)
    assert played.retrain() == ["validate", "extra", "train", "publish", "refit", "convert"]


@pytest.mark.parametrize("name", ["train", "validate", "convert", "approve"])
def test_what_ends_a_branch_is_recorded_by_the_stages_that_always_run(
    played: Played, name: str
) -> None:
    played.use(*STAGES)
    played.rejecting = {name}
    before = [stage.name for stage in model_stages()]
    assert played.retrain() == [*before[: before.index(name) + 1], "publish"]


@pytest.mark.parametrize("name", ["train", "validate", "convert", "refit", "approve", "publish"])
def test_a_model_goes_on_without_a_stage_that_may_fail_and_without_no_other(
    played: Played, name: str
) -> None:
    played.use(*STAGES)
    played.breaking = {name}
    called = [stage.name for stage in model_stages()]
    failed = retrain(played.run, log_progress, {})
    may_fail = stage_named(name).may_fail
    assert failed == (None if may_fail else "full")
    assert played.called == (called if may_fail else called[: called.index(name) + 1])


def test_a_dry_run_leaves_out_what_records(played: Played) -> None:
    played.use(*STAGES)
    assert played.retrain(dry_run=True) == ["train", "validate", "convert"]


def test_too_few_readings_are_a_decision_and_a_fault_is_a_failure(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_few(*_: Any, **__: Any) -> Result:
        raise NotEnoughReadingsError("no site has readings that nilm can use")

    def full_disk(*_: Any, **__: Any) -> Result:
        raise OSError("no space left on device")

    monkeypatch.setattr(order, "STAGES", (stage_named("train"),))
    monkeypatch.setattr("smartwatts_ml.stages.train.train", too_few)
    assert retrain(played.run, log_progress, {}) is None
    assert played.run.read_json("decision.json", dict)["accepted"] is False
    monkeypatch.setattr("smartwatts_ml.stages.train.train", full_disk)
    assert retrain(played.run, log_progress, {}, dry_run=True) == "no space left on device"
    assert read_state(played.run.objects, "nilm") is None
    assert retrain(played.run, log_progress, {}) == "no space left on device"
    state = read_state(played.run.objects, "nilm")
    assert state is not None and state.failures == 1


def test_a_judgement_stays_where_a_later_stage_has_too_few_readings(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_few(*_: Any, **__: Any) -> Result:
        raise NotEnoughReadingsError("no site has readings that nilm can use")

    monkeypatch.setattr("smartwatts_ml.stages.convert.convert", too_few)
    judgement = played.run.write("decision.json", b'{"accepted": true}')
    with pytest.raises(NotEnoughReadingsError):
        run_stage(stage_named("convert"), played.run, log_progress)
    assert Path(judgement).read_bytes() == b'{"accepted": true}'


def test_a_scheduler_keeps_what_the_tasks_after_need(played: Played) -> None:
    judged = JudgedFile(True, "nilm accepted", (), "a", "b", "none", {"power_w": 0.1}, 0.5, 4096)
    kept = handed_over(stage_named("convert"), judged, replace(played.run, left={"a": "b"}))
    assert kept == {**plain(judged), "proceed": True, "left": {"a": "b"}}
    state = record_failure(played.run.settings.root, "run1", "nilm", "no space left on device")
    assert state["failures"] == 1 and state["next_attempt"] and json.loads(json.dumps(state))


def test_every_stage_has_its_function_and_the_shares_make_a_whole() -> None:
    for stage in STAGES:
        module, _, name = stage.work.partition(":")
        path = ROOT / f"{module.replace('.', '/')}.py"
        assert f"def {name}(" in path.read_text(), stage.name
        assert stage.doing and stage.leaves
    assert sum(stage.share for stage in STAGES) == pytest.approx(1)
    assert len({stage.name for stage in STAGES}) == len(STAGES)


def sequences(path: Path) -> Iterator[tuple[int, list[Any]]]:
    """Line and constants of each tuple, list and set that a module spells out, names that it
    exports aside."""
    tree = ast.parse(path.read_text())
    tree.body = [n for n in tree.body if not ast.unparse(n).startswith("__all__")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            yield node.lineno, [e.value for e in node.elts if isinstance(e, ast.Constant)]


def test_no_other_module_spells_the_order() -> None:
    names = {stage.name for stage in STAGES}
    spelled = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, constants in sequences(path)
        if len(names & {c for c in constants if isinstance(c, str)}) > 1
    ]
    assert spelled == []
