"""A refit goes as the judged training went, and learns the newest readings too."""

from __future__ import annotations

import numpy as np
import pytest

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.base import Trained, TrainOptions
from smartwatts_ml.kinds.nilm.corpus import build_corpus
from smartwatts_ml.kinds.nilm.settings import NilmSettings
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.readings.base import Readings
from tests.kinds.forecasting.helpers import Made, habit, site_of
from tests.kinds.nilm.homes import Made as MeteredHomes

WINDOW = 64
HOURS = 40 * 24
OPTIONS = TrainOptions(epochs=2, seed=1)


def forecaster(readings: Readings, options: TrainOptions) -> Trained:
    kind = find_kind("forecasting")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"EPOCH_WINDOWS": 256, "UNITS": 16, "LAYERS": 1}.items():
            patch.setenv(f"SMARTWATTS_FORECASTING_{name}", str(value))
        return kind.trainer.train(
            kind.spec(forecast_horizon=24), readings, options, lambda *_: None
        )


def by(recipe: object) -> TrainOptions:
    return TrainOptions(epochs=2, seed=1, recipe=recipe)  # type: ignore[arg-type]


def medians(trained: Trained) -> np.ndarray:
    context = habit(28, 5).astype(np.float32)[None, :, None]
    inputs = {"history_w": context, "hour_of_week": np.zeros((1, 1), np.float32)}
    return KerasNetwork.from_training(trained)(inputs)["power_w"][0, :, 1]


@pytest.mark.full
def test_a_forecaster_is_refitted_on_its_newest_weeks_too() -> None:
    usual = habit(40, 1)
    of_late = usual.copy()
    of_late[-3 * 24 :] *= 3
    before, now = Made(site_of(usual)), Made(site_of(of_late))
    judged = forecaster(before, OPTIONS)
    assert judged.recipe["epochs"] in (1, 2)
    assert np.sum(judged.recipe["shrinkage"], 1) == pytest.approx([1.0, 1.0])
    refitted = forecaster(now, by(judged.recipe))
    same = forecaster(before, by(judged.recipe))
    assert np.abs(medians(refitted) / medians(same) - 1).max() > 0.01
    assert len(refitted.log) == judged.recipe["epochs"]
    found = [{**trained.recipe, "epochs": 0} for trained in (refitted, judged)]
    assert found[0] == found[1], "what calibrates them would not be new to them"


@pytest.mark.parametrize(
    "recipe",
    [
        {"epochs": 0, "shrinkage": [], "stretch": [], "short": [], "energy": {}},
        {
            "epochs": 1,
            "shrinkage": [[1.0, 0.0, 0.0]] * 2,
            "stretch": [[1.0, 1.0]],
            "short": [1.0, 1.0],
            "energy": {},
        },
        {
            "epochs": 1,
            "shrinkage": [[1.0, 0.0]] * 2,
            "stretch": [[1.0, 1.0]] * 24,
            "short": [1.0, 1.0],
            "energy": {},
        },
        {"epochs": 1},
    ],
)
def test_a_recipe_of_something_else_is_refused(recipe: dict[str, object]) -> None:
    with pytest.raises(BadInputError, match="recipe of the judged training"):
        forecaster(Made(site_of(habit(40, 1))), by(recipe))


def test_appliances_are_learned_from_all_that_there_is() -> None:
    homes, settings = MeteredHomes(1, hole=False), NilmSettings()
    samples = len(homes.load("home0", 60).channels["mains"])
    corpus = build_corpus(homes, settings, WINDOW, ("kettle",))
    assert corpus.appliances == ("kettle",) and not corpus.validation
    assert [len(site.mains) for site in corpus.training] == [samples]


@pytest.mark.slow
def test_appliances_and_cuts_stay_as_they_were_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WINDOW_MINUTES": WINDOW, "STEPS": 4, "SIMULATED_HOMES": 2}.items():
        monkeypatch.setenv(f"SMARTWATTS_NILM_{name}", str(value))
    kind, homes = find_kind("nilm"), MeteredHomes(1)
    judged = kind.trainer.train(kind.spec(), homes, OPTIONS, lambda *_: None)
    assert judged.recipe["cuts"] == judged.details.on_cuts
    recipe = {"epochs": 1, "cuts": {"kettle": 0.33}}
    refitted = kind.trainer.train(kind.spec(), homes, by(recipe), lambda *_: None)
    assert len(refitted.log) == 1
    assert refitted.details.appliances == ("kettle",)
    assert refitted.details.on_cuts == {"kettle": 0.33}
