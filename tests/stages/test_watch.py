"""What came since a version was published: taken back where it does harm, by itself, once."""

from __future__ import annotations

import itertools
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import StaleChallengerError
from smartwatts_ml.fleet.beacon import Beacon
from smartwatts_ml.fleet.beacons import BEACONS
from smartwatts_ml.objects import Objects
from smartwatts_ml.records.table import RecordTable
from smartwatts_ml.settings import Settings
from smartwatts_ml.settings.rollout import RolloutSettings
from smartwatts_ml.stages import tasks
from smartwatts_ml.stages.watch import ACTOR, act, ask_for_retraining, known, watch
from smartwatts_ml.store import FirstRing
from tests.store.helpers import Clock, keys_of, new_store, opened, publish

NOW = datetime.now(UTC).replace(microsecond=0)
PUBLISHED = NOW - timedelta(days=12)
MODEL = "forecasting_24h"


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    clock = Clock()
    clock.now = PUBLISHED - timedelta(days=40)
    store = new_store(str(tmp_path / "root"), tmp_path, clock=clock)
    publish(store, MODEL, "one")
    clock.now = PUBLISHED
    publish(store, MODEL, "two")
    return opened(str(tmp_path / "root"))


@pytest.fixture
def current(objects: Objects, tmp_path: Path) -> Settings:
    return Settings(root=objects.url, keys=str(keys_of(tmp_path)))


def tell(objects: Objects, tmp_path: Path, worse: float = 1.0, liars: int = 0) -> None:
    """Beacons of 120 homes of which half take v2; of those ``liars`` say that it is useless."""
    rng = np.random.default_rng(0)
    told = []
    for home in range(120):
        level = float(np.exp(rng.normal(0, 0.5)))
        for day in range(-30, 11):
            at = PUBLISHED + timedelta(days=day, hours=1)
            new = home < 60 and day >= 1
            error = level * float(np.exp(rng.normal(0, 0.1))) * (worse if new else 1)
            if new and home < liars:
                error = 1e9
            beacon = Beacon(f"g{home}", MODEL, 2 if new else 1, at, error=error, scale=1.0, runs=1)
            told.append((beacon, at + timedelta(minutes=5)))
    RecordTable(objects, BEACONS).append({"digest": told}, tmp_path)


@pytest.mark.slow
def test_harm_is_taken_back_in_the_services_name_with_its_evidence(
    objects: Objects, current: Settings, tmp_path: Path
) -> None:
    tell(objects, tmp_path, worse=1.5)
    [found] = watch(objects, current, NOW)
    assert (found.finding, found.version, found.against) == ("back", 2, 1)
    assert found.evidence.homes == 60 and found.evidence.harmful > 20
    done = act(objects, current, found)
    assert done.done == "v1 is in force again, serial 3" and known(objects, MODEL) == done
    last = new_store(objects.url, tmp_path).history(MODEL)[-1]
    assert (last.action, last.version, last.actor) == ("rollback", 1, ACTOR)
    assert "in 60 homes errors are +" in last.reason
    with pytest.raises(StaleChallengerError):
        act(objects, current, found)
    [again] = watch(objects, current, NOW)
    assert again.finding != "back"  # v1 was rolled back to: nobody is sent to and fro


@pytest.mark.slow
def test_tasks_weigh_without_keys_and_take_back_with_them(
    objects: Objects, current: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(objects, tmp_path, worse=1.5)
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "trains"))
    (tmp_path / "trains").mkdir()
    shutil.copy(Path(current.keys) / "root.json", tmp_path / "trains")
    weighed = json.loads(json.dumps(tasks.weigh_champions(objects.url)))
    assert weighed["found"][0]["finding"] == "back" and weighed["retrain"] == []
    monkeypatch.setenv("SMARTWATTS_KEYS", current.keys)
    [change] = tasks.take_back(objects.url, weighed["found"])
    assert (change["action"], change["version"], change["actor"]) == ("rollback", 1, ACTOR)
    assert tasks.take_back(objects.url, weighed["found"]) == []


def test_neither_no_harm_nor_a_few_liars_take_a_version_back(
    objects: Objects, current: Settings, tmp_path: Path
) -> None:
    tell(objects, tmp_path, worse=0.9, liars=5)
    [found] = watch(objects, current, NOW)
    assert found.finding in ("fine", "unsettled") and not act(objects, current, found).done


def test_who_was_never_heard_of_before_the_publication_says_nothing(
    objects: Objects, current: Settings, tmp_path: Path
) -> None:
    late = [
        (
            Beacon(
                f"new{n}", MODEL, 1 + (day >= 0), PUBLISHED + timedelta(days=day), error=9.0**day
            ),
            PUBLISHED + timedelta(days=11),
        )
        for n in range(60)
        for day in range(-10, 10)
    ]
    RecordTable(objects, BEACONS).append({"digest": late}, tmp_path)
    [found] = watch(objects, current, NOW)
    assert (found.finding, found.evidence.homes, found.evidence.tried) == ("unsettled", 0, 0)


def test_settings_and_people_decide_whether_it_is_only_told(
    objects: Objects, current: Settings, tmp_path: Path
) -> None:
    tell(objects, tmp_path, worse=1.5)
    told = current.model_copy(
        update={"fleet": current.fleet.model_copy(update={"rollback": False})}
    )
    [found] = watch(objects, told, NOW)
    assert found.finding == "harm" and not act(objects, told, found).done


@pytest.mark.slow
def test_the_command_takes_back_where_the_keys_are(
    objects: Objects, current: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(objects, tmp_path, worse=1.5)
    monkeypatch.setenv("SMARTWATTS_KEYS", current.keys)
    tried = CliRunner().invoke(app, ["watch", "--root", objects.url, "--dry-run"])
    assert tried.exit_code == 0 and "back" in tried.output
    done = CliRunner().invoke(app, ["watch", MODEL, "--root", objects.url])
    assert done.exit_code == 0 and "v1 is in force again" in done.output


@pytest.mark.parametrize(("worse", "asked"), [(1.6, [MODEL]), (1.0, [])])
def test_a_champion_that_gets_worse_by_itself_asks_for_retraining_once(
    tmp_path: Path, worse: float, asked: list[str]
) -> None:
    clock, rng = Clock(), np.random.default_rng(0)
    clock.now = NOW - timedelta(days=62)
    store = new_store(str(tmp_path / "root"), tmp_path, clock=clock)
    publish(store, MODEL, "one")
    objects = opened(store_root := str(tmp_path / "root"))
    said = []
    for home, day in itertools.product(range(40), range(-2, 60)):
        at = clock.now + timedelta(days=day, hours=1)
        error = float(np.exp(rng.normal(0, 0.1))) * (worse if day > 30 else 1)
        beacon = Beacon(f"g{home}", MODEL, 1, at, error=error, scale=1.0, runs=1)
        said.append((beacon, at + timedelta(minutes=5)))
    RecordTable(objects, BEACONS).append({"digest": said}, tmp_path)
    current = Settings(root=store_root, keys=str(keys_of(tmp_path)))
    found = watch(objects, current, NOW)
    assert [watched.finding == "drift" for watched in found] == [bool(asked)]
    assert ask_for_retraining(objects, found) == asked
    assert ask_for_retraining(objects, watch(objects, current, NOW)) == []


@pytest.fixture
def candidate(tmp_path: Path) -> Objects:
    clock = Clock()
    clock.now = PUBLISHED - timedelta(days=40)
    store = new_store(str(tmp_path / "root"), tmp_path, clock=clock)
    publish(store, MODEL, "one")
    clock.now = PUBLISHED
    publish(store, MODEL, "two", ring=FirstRing(5000, 400))
    return opened(str(tmp_path / "root"))


@pytest.mark.parametrize(
    ("worse", "finding", "share"), [(1.5, "back", 0), (0.7, "widen", 7500), (1.0, "widen", 7500)]
)
def test_a_candidate_is_taken_back_or_goes_to_more_gateways(
    candidate: Objects, tmp_path: Path, worse: float, finding: str, share: int
) -> None:
    current = Settings(
        root=candidate.url,
        keys=str(keys_of(tmp_path)),
        rollout=RolloutSettings(shares="50,75,100", by="evidence"),
    )
    tell(candidate, tmp_path, worse=worse)
    _, watched = watch(candidate, current, NOW)
    assert (watched.finding, watched.version, watched.against) == (finding, 2, 1)
    done = act(candidate, current, watched)
    assert done.done and known(candidate, MODEL, candidate=True) == done
    champion = new_store(candidate.url, tmp_path).champion(MODEL)
    assert champion and champion.version == 1 and champion.candidate
    assert champion.candidate.share == share
