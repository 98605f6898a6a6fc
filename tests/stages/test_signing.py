"""What a scheduler's task does where the keys are: it signs, and judges nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from smartwatts_ml.errors import StaleChallengerError
from smartwatts_ml.objects import Objects
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.stages import tasks
from smartwatts_ml.store import Store
from tests.store.helpers import keys_of, opened, with_keys
from tests.store.test_publish_stage import judged, run_of


@pytest.fixture
def current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    root, keys = str(tmp_path / "root"), str(keys_of(tmp_path))
    monkeypatch.setenv("SMARTWATTS_KEYS", keys)
    with_keys(Store(opened(root), Path(keys)))
    return settings(root=root, keys=keys)


@pytest.fixture
def objects(current: Settings) -> Objects:
    return opened(current.root)


def published(objects: Objects, current: Settings, run_id: str) -> dict[str, object]:
    left = run_of(objects, current, run_id).left or {}
    return tasks.model_stage(current.root, run_id, "nilm", "publish", left, actor="retrain_weekly")


def test_a_stale_challenger_is_not_judged_where_the_keys_are(
    objects: Objects, current: Settings
) -> None:
    for run_id in ("run1", "run2"):
        judged(objects, run_id)
    assert published(objects, current, "run1")["version"] == 1
    before = objects.read("runs/run2/nilm/decision.json").data
    with pytest.raises(StaleChallengerError, match="judged against no champion, v1 is in force"):
        published(objects, current, "run2")
    assert objects.read("runs/run2/nilm/decision.json").data == before
    assert len(Store(objects, Path(current.keys)).history("nilm")) == 1


def test_a_rejection_is_recorded_there_and_the_timestamp_renewed(
    objects: Objects, current: Settings
) -> None:
    judged(objects, "run1", accepted=False, summary="nilm kept: MAE +2 %")
    outcome = published(objects, current, "run1")
    assert (outcome["proceed"], outcome["summary"]) == (False, "nilm kept: MAE +2 %")
    assert b"kept" in objects.read("runs/run1/nilm/published.json").data
    assert objects.exists("models/metadata/timestamp.json")
