"""Two published files on readings that came afterwards, each home compared with itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smartwatts_ml.judging.since_published import SincePublished, since_published
from smartwatts_ml.judging.trained_on import TRAINED_ON, TrainedOn
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.settings import Settings
from smartwatts_ml.settings.rollout import RolloutSettings
from smartwatts_ml.stages.ingest import ingest
from smartwatts_ml.stages.watch import ACTOR, Watched, act, watch
from smartwatts_ml.store import FirstRing, Store
from tests.judging.small_files import (
    BREAKS,
    EQUAL,
    HARMFUL,
    MODELS,
    NILM_PERIOD_S,
    land_homes,
    small_file,
    with_details,
)
from tests.store.helpers import FIELDS, Clock, keys_of, new_store

pytestmark = pytest.mark.slow
NOW = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
PUBLISHED = NOW - timedelta(days=24)
HOMES = 20
"""Enough for both: bets on readings are two of six."""


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTWATTS_NILM_PERIOD_S", str(NILM_PERIOD_S))


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A root with readings for a kind, made once."""
    made: dict[str, Path] = {}

    def of_kind(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind) / "root"
            objects = open_root(str(made[kind]))
            start = PUBLISHED - timedelta(days=3 if kind == "nilm" else 29)
            land_homes(objects, kind, range(HOMES), start, NOW)
            ingest(objects, Settings(root=objects.url))
        return made[kind]

    return of_kind


@dataclass
class Fleet:
    """A root with readings, a champion, and a candidate that came when it was PUBLISHED."""

    kind: str
    objects: Objects
    store: Store
    clock: Clock
    current: Settings

    @property
    def model(self) -> str:
        return MODELS[self.kind]

    def publish(self, gain: float, ring: FirstRing | None = None, **details: Any) -> None:
        file = small_file(self.kind, gain)
        self.store.publish(
            self.model,
            with_details(self.kind, file, **details) if details else file,
            FIELDS,
            run_id=f"gain-{gain}",
            actor="ann",
            reason="better",
            ring=ring,
        )

    def rival(self, champion: float, candidate: float, **details: Any) -> None:
        self.clock.now = PUBLISHED - timedelta(days=40)
        self.publish(champion)
        self.clock.now = PUBLISHED
        self.publish(candidate, FirstRing(2500, 400), **details)

    def compare(self) -> SincePublished:
        manifests = (self.store.manifest(self.model, 2), self.store.manifest(self.model, 1))
        return since_published(self.objects, self.current, self.store, manifests, PUBLISHED)

    def look(self, now: datetime = NOW) -> Watched:
        """What is found of the candidate."""
        _, watched = watch(self.objects, self.current, now)
        return watched


@pytest.fixture
def fleet_of(landed: Callable[[str], Path], tmp_path: Path, coarse: None) -> Callable[[str], Fleet]:
    def fleet(kind: str) -> Fleet:
        shutil.copytree(landed(kind), tmp_path / "root")
        url, clock = str(tmp_path / "root"), Clock()
        clock.now = PUBLISHED - timedelta(days=41)
        rollout = RolloutSettings(shares="25,50,100", by="evidence", days=28)
        current = Settings(root=url, keys=str(keys_of(tmp_path)), rollout=rollout)
        return Fleet(kind, open_root(url), new_store(url, tmp_path, clock=clock), clock, current)

    return fleet


@pytest.mark.parametrize("kind", MODELS)
def test_a_harmful_candidate_is_taken_back_by_itself(
    fleet_of: Callable[[str], Fleet], kind: str
) -> None:
    fleet = fleet_of(kind)
    fleet.rival(1.0, HARMFUL[kind])
    found = fleet.look()
    assert (found.finding, found.evidence.homes) == ("back", HOMES), found.reason
    assert found.evidence.low and found.evidence.low < found.evidence.high < -0.05  # type: ignore[operator]
    act(fleet.objects, fleet.current, found)
    champion = fleet.store.champion(fleet.model)
    assert champion and champion.candidate
    assert (champion.version, champion.candidate.share) == (1, 0)
    assert champion.entry.actor == ACTOR or fleet.store.history(fleet.model)[-1].actor == ACTOR


@pytest.mark.parametrize("kind", MODELS)
def test_one_that_is_as_good_waits_until_it_was_long_enough_without_harm(
    fleet_of: Callable[[str], Fleet], kind: str
) -> None:
    fleet = fleet_of(kind)
    fleet.rival(1.0, EQUAL)
    found = fleet.look()
    assert (found.finding, found.evidence.homes) == ("unsettled", HOMES), found.reason
    assert not act(fleet.objects, fleet.current, found).done
    patient = fleet.look(PUBLISHED + timedelta(days=29))
    assert patient.finding == "widen" and "no harm was shown in 28 days" in patient.reason


@pytest.mark.parametrize("kind", MODELS)
def test_a_better_one_goes_to_more_gateways_before_its_time(
    fleet_of: Callable[[str], Fleet], kind: str
) -> None:
    fleet = fleet_of(kind)
    fleet.rival(HARMFUL[kind], 1.0)
    found = fleet.look()
    assert (found.finding, found.evidence.homes) == ("widen", HOMES), found.reason
    act(fleet.objects, fleet.current, found)
    champion = fleet.store.champion(fleet.model)
    assert champion and champion.candidate
    assert (champion.version, champion.candidate.share) == (1, 5000)


def test_a_home_counts_once_its_readings_reach_over_the_window_however_late_they_come(
    fleet_of: Callable[[str], Fleet],
) -> None:
    fleet = fleet_of("forecasting")
    fleet.rival(1.0, HARMFUL["forecasting"])
    before = fleet.compare()
    start = PUBLISHED - timedelta(days=29)
    for name, end in (("half.csv", PUBLISHED + timedelta(days=3)), ("rest.csv", NOW)):
        land_homes(fleet.objects, "forecasting", range(HOMES, HOMES + 3), start, end, name)
        ingest(fleet.objects, fleet.current)
        late = fleet.compare()
        counted = HOMES + (3 if name == "rest.csv" else 0)
        assert [len(homes) for homes in late.differences] == [counted, 0]
    assert np.isin(before.differences[0].round(6), late.differences[0].round(6)).all()


def test_homes_that_a_version_was_trained_on_beyond_its_publication_say_nothing(
    fleet_of: Callable[[str], Fleet],
) -> None:
    fleet = fleet_of("forecasting")
    ends = {f"home{n}": np.datetime64(PUBLISHED.replace(tzinfo=None), "s") for n in range(HOMES)}
    ahead = np.datetime64(NOW.replace(tzinfo=None), "s")
    learned = TrainedOn(ends | {"home3": ahead, "home5": ahead}, {})
    fleet.objects.write(f"runs/run7/{fleet.model}/{TRAINED_ON}", learned.to_bytes())
    fleet.rival(1.0, EQUAL, run_id="run7", trained=learned.summary())
    assert len(fleet.compare().differences[0]) == HOMES - 2


def test_a_prediction_that_is_not_finite_is_the_worst(fleet_of: Callable[[str], Fleet]) -> None:
    fleet = fleet_of("forecasting")
    fleet.rival(1.0, BREAKS)
    differences = fleet.compare().differences[0]
    assert len(differences) == HOMES and (differences == 1.0).all()
    assert fleet.look().finding == "back"
