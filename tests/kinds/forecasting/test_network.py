"""The network: what it may see, what it must survive, and that it learns."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.judging.extremes import check_extremes
from smartwatts_ml.kinds.base import Trained, TrainOptions
from smartwatts_ml.kinds.forecasting import KIND
from smartwatts_ml.kinds.forecasting.details import ForecastingDetails
from smartwatts_ml.kinds.forecasting.series import to_series
from smartwatts_ml.kinds.forecasting.windows import split_windows
from smartwatts_ml.modelfiles.conversion import Converted, convert_network
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.modelfiles.networks import KerasNetwork, keras_file, load_network
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.scores.bootstrap import site_sums
from tests.kinds.forecasting.helpers import MONDAY, Made, habit, hours_after, site_of

DAYS, TEST_DAYS = 70, 14
EPOCHS, EPOCH_WINDOWS = {24: 4, 200: 1}, {24: 2048, 200: 512}
"""By horizon: of the longer one nobody asks how good it is."""
LEVELS = {"home1": 200.0, "home2": 700.0, "home3": -400.0}


def homes(days: int, score_from: np.datetime64 | None = None) -> Readings:
    """Three homes with noise of their own; the third produces more than it uses."""
    return Made(
        *(
            site_of(habit(DAYS, seed, level)[: days * 24], name, score_from=score_from)
            for seed, (name, level) in enumerate(LEVELS.items())
        )
    )


@cache
def trained(horizon: int) -> Trained[ForecastingDetails]:
    return train(horizon)


def train(horizon: int) -> Trained[ForecastingDetails]:
    spec = KIND.spec(forecast_horizon=horizon)
    options = TrainOptions(epochs=EPOCHS[horizon], seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMARTWATTS_FORECASTING_EPOCH_WINDOWS", str(EPOCH_WINDOWS[horizon]))
        return KIND.trainer.train(spec, homes(DAYS - TEST_DAYS), options, lambda *_: None)


@cache
def network(horizon: int) -> KerasNetwork:
    return KerasNetwork.from_training(trained(horizon))


@cache
def converted(horizon: int) -> Converted:
    samples = KIND.work.sample_inputs(trained(horizon).details, 32, 0)
    return convert_network(network(horizon), samples, "dynamic")


@cache
def file(horizon: int) -> LiteRTNetwork:
    return LiteRTNetwork(converted(horizon).content)


def hard_contexts() -> dict[str, np.ndarray]:
    """Nothing known, little known, holes, a dead meter, an absurd reading, production."""
    power = np.stack([habit(28, seed) for seed in range(9)]).astype(np.float32)
    power[0] = np.nan
    power[1, :-1] = np.nan
    power[2, :-72] = np.nan
    power[3, ::2] = np.nan
    power[4] = 0
    power[5, 300] = 1e8
    power[6] *= -1
    power[7, -168:] = np.nan
    power[8] *= 1e4
    return {
        "history_w": power[:, :, None],
        "hour_of_week": np.arange(9, dtype=np.float32)[:, None] * 20,
    }


@pytest.mark.parametrize(
    "horizon",
    [pytest.param(24, marks=pytest.mark.slow), pytest.param(200, marks=pytest.mark.full)],
)
def test_any_context_gives_finite_quantiles_that_do_not_cross(horizon: int) -> None:
    for system in (network(horizon), file(horizon)):
        found = system(hard_contexts())["power_w"]
        assert found.shape == (9, horizon, 3)
        assert np.isfinite(found).all()
        assert (np.diff(found, axis=2) >= 0).all()


@pytest.mark.slow
def test_three_days_of_readings_give_a_sensible_forecast() -> None:
    power = habit(DAYS, 1, 700.0)[: 3 * 24]
    series = to_series(site_of(power))
    found = KIND.work.predictor(network(24)).forecast(series, np.array([72]))[0]
    usual = habit(28, 9, 700.0).reshape(28, 24).mean(0)
    assert np.abs(found[:, 1] - usual).mean() < 0.35 * usual.mean()


@pytest.mark.slow
@pytest.mark.parametrize("days", [3, 14, 35])
def test_a_short_history_gives_a_wider_interval_never_an_error(days: int) -> None:
    series = to_series(site_of(habit(DAYS, 5, 700.0)))
    origins = np.arange(40 * 24, 54 * 24, 24)
    inputs = series.contexts(origins)
    inputs["history_w"][:, : -days * 24] = np.nan
    whole = network(24)(series.contexts(origins))["power_w"]
    found = network(24)(inputs)["power_w"]
    width = (found[:, :, 2] - found[:, :, 0]).mean() / (whole[:, :, 2] - whole[:, :, 0]).mean()
    assert width == pytest.approx(1.0, abs=1e-6) if days >= 28 else 1.0 < width < 2.0
    usual = habit(28, 9, 700.0).reshape(28, 24).mean(0)
    assert np.abs(found[:, :, 1].mean(0) - usual).mean() < 0.35 * usual.mean()


@pytest.mark.slow
def test_faults_in_the_context_do_not_carry_into_the_forecast() -> None:
    clean = np.stack([habit(28, seed, 700.0) for seed in range(8)]).astype(np.float32)
    faults = {"outage": (300, 348, 0.0), "stuck": (500, 560, 900.0), "gap": (200, 300, np.nan)}
    hour = np.zeros((8, 1), np.float32)
    middle = network(24)({"history_w": clean[:, :, None], "hour_of_week": hour})["power_w"]
    for begin, end, value in (*faults.values(), (400, 403, 40_000.0)):
        power = clean.copy()
        power[:, begin:end] = value
        found = network(24)({"history_w": power[:, :, None], "hour_of_week": hour})["power_w"]
        moved = np.abs(found[:, :, 1] - middle[:, :, 1]).mean() / middle[:, :, 1].mean()
        assert moved < 0.06, (begin, moved)


@pytest.mark.slow
def test_training_learns_more_than_last_week_and_the_four_week_mean() -> None:
    details = trained(24).details
    readings = homes(DAYS, hours_after(MONDAY, (DAYS - TEST_DAYS) * 24))
    systems = {"network": KIND.work.predictor(network(24)), "file": KIND.work.predictor(file(24))}
    systems |= KIND.work.baselines(details, readings)
    found = {
        name: KIND.work.headline(site_sums(scores))
        for name, scores in KIND.work.evaluate(details, systems, readings, 0).items()
    }
    assert found["network"]["wape"] < 0.97 * found["four_week_mean"]["wape"]
    assert found["network"]["wape"] < 0.8 * found["last_week"]["wape"]
    assert found["network"]["wql"] < found["four_week_mean"]["wql"]
    assert 0.7 <= found["network"]["coverage_80"] <= 0.92
    assert found["file"]["wape"] == pytest.approx(found["network"]["wape"], rel=0.005)


@pytest.mark.slow
def test_a_saved_network_loads_without_our_code_and_says_the_same() -> None:
    loaded = load_network(keras_file(network(200)), "model.keras")
    assert KIND.read_details(loaded.details) == trained(200).details
    np.testing.assert_allclose(
        loaded(hard_contexts())["power_w"],
        network(200)(hard_contexts())["power_w"],
        rtol=1e-4,
        atol=1e-3,
    )


@pytest.mark.slow
def test_a_file_is_small_fast_and_agrees_with_keras() -> None:
    assert len(converted(200).content) <= 256 * 1024
    assert converted(200).parity["power_w"] < 0.01
    assert converted(200).latency_ms < 5


@pytest.mark.full
def test_one_seed_gives_one_network() -> None:
    again = train(200)
    samples = KIND.work.sample_inputs(again.details, 8, 2)
    np.testing.assert_allclose(
        KerasNetwork.from_training(again)(samples)["power_w"],
        network(200)(samples)["power_w"],
        rtol=1e-3,
        atol=1e-2,
    )


@pytest.mark.full
def test_five_days_of_one_home_are_too_few_and_nine_are_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMARTWATTS_FORECASTING_EPOCH_WINDOWS", "256")
    spec = KIND.spec(forecast_horizon=24)
    with pytest.raises(NotEnoughReadingsError, match="8 days"):
        KIND.trainer.train(
            spec, Made(site_of(habit(4, 1))), TrainOptions(epochs=1), lambda *_: None
        )
    seen: list[str] = []
    KIND.trainer.train(
        spec,
        Made(site_of(habit(9, 1))),
        TrainOptions(epochs=1),
        lambda text, share: seen.append(text),
    )
    assert any("epoch 1/1" in text for text in seen)


def test_no_training_target_reaches_into_validation() -> None:
    series = [to_series(site_of(np.arange(1.0, 24 * 60 + 1)))]
    for horizon in (24, 168, 720):
        training, *later = split_windows(series, horizon, 0.15)
        learned = np.nanmax(training.targets(np.arange(len(training))))
        for windows in later:
            assert learned < np.nanmin(windows.targets(np.arange(len(windows))))


@pytest.mark.parametrize("sites", [1, 3, 6])
@pytest.mark.parametrize("horizon", [24, 168, 720])
def test_no_hour_chooses_the_epoch_and_the_width_of_intervals(sites: int, horizon: int) -> None:
    """Each hour of each site has a value of its own, by which it is known again."""
    hours = 24 * 60
    series = [to_series(site_of(np.arange(1.0, hours + 1) + 1e4 * i)) for i in range(sites)]
    _, watching, calibrating = split_windows(series, horizon, 0.15)
    watched, calibrated = (
        {*windows.targets(np.arange(len(windows)))[:, :].ravel().tolist()}
        for windows in (watching, calibrating)
    )
    known = {value for value in watched & calibrated if np.isfinite(value)}
    assert not known and len(watched) > 1 and len(calibrated) > 1


def test_a_context_ends_before_its_target_begins() -> None:
    series = [to_series(site_of(np.arange(1.0, 24 * 60 + 1))), to_series(site_of(habit(20, 1)))]
    training, *_ = split_windows(series, 24, 0.15)
    rows = np.arange(len(training))
    newest = training.inputs(rows)["history_w"][:, -1, 0]
    first = training.targets(rows)[:, 0]
    counting = training.sites == 0
    np.testing.assert_array_equal(newest[counting] + 1, first[counting])
    hours = training.inputs(rows)["hour_of_week"][counting, 0]
    np.testing.assert_array_equal(hours, (first[counting] - 1) % 168)


def test_every_site_is_drawn_as_often_however_long_it_is() -> None:
    series = [to_series(site_of(habit(days, 1))) for days in (12, 200)]
    training, *_ = split_windows(series, 24, 0.15)
    drawn = training.sites[training.draw(4000, np.random.default_rng(0))]
    assert np.bincount(drawn) == pytest.approx([2000, 2000], abs=150)


@pytest.mark.slow
def test_days_that_are_left_out_are_nan_in_their_place_and_have_no_row() -> None:
    import keras

    from smartwatts_ml.kinds.forecasting.network import Design, Trunk, build_network

    spec = KIND.spec(forecast_horizon=72)
    keras.utils.set_random_seed(0)
    network = build_network(Trunk(Design(72, units=8, layers=2)))
    factors = {"tilt": 0.0, "low": -0.5, "middle": 0.0, "high": 0.5}
    details = KIND.read_details(
        {
            "kind": spec.kind,
            "model": spec.name,
            "horizon": 72,
            "context_hours": 672,
            "stretch": {},
            "energy": {"day": factors, "horizon": factors},
            "inputs": [
                {"name": "history_w", "shape": [1, 672, 1]},
                {"name": "hour_of_week", "shape": [1, 1]},
            ],
            "outputs": [{"name": "power_w", "shape": [1, 72, 3]}],
        }
    )
    model, said = KIND.trimmer.leave_out(network, details, {"day 2": "no better than last_week"})
    assert said.outputs[0].left_out == ((24, 48),)
    samples = KIND.work.sample_inputs(said, 32, 0)
    converted = convert_network(KerasNetwork(model, said.to_json()), samples, "dynamic")
    file = LiteRTNetwork(converted.content)
    power = file(samples)["power_w"]
    assert np.isnan(power[:, 24:48]).all() and np.isfinite(np.delete(power, np.s_[24:48], 1)).all()
    assert check_extremes(KIND, file).passed

    site = site_of(habit(60, 1), score_from=hours_after(MONDAY, 42 * 24))
    forecaster = KIND.work.predictor(file)
    rows = pd.concat(KIND.work.predict(forecaster, Made(site)))
    assert len(rows) == 48 and not rows.isna().any().any()
    energy = pd.concat(KIND.work.predict(forecaster, Made(site), energy=True))
    assert len(energy) == 2 and "horizon" not in set(energy["period"])
    scores = KIND.work.evaluate(said, {"file": forecaster}, Made(site), 0)["file"]
    metrics = {**KIND.work.headline(site_sums(scores)), **scores.extra}
    assert scores.channels == ("day 1", "day 2", "day 3")
    assert np.isfinite(list(metrics.values())).all()
    assert not scores.sums[:, 1].any() and scores.sums[:, 0].any()
    assert "energy_horizon_wape" not in metrics and "energy_day_wape" in metrics
    assert KIND.work.charts(said, {"challenger": forecaster}, Made(site), 0)
