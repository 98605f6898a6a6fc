"""What is beyond the noise of its hour never scores lower where it lies farther out: by
construction, whatever the weights are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.kinds.anomaly.calibration import ScoreCalibration
from smartwatts_ml.kinds.anomaly.features import N_FREE, feature_model
from smartwatts_ml.kinds.anomaly.network import build_classifier, build_shipped
from smartwatts_ml.kinds.anomaly.normalisation import normalise
from smartwatts_ml.kinds.anomaly.sides import NOISE, as_row
from smartwatts_ml.kinds.base import Network
from smartwatts_ml.modelfiles.networks import KerasNetwork

from .conftest import Case

pytestmark = pytest.mark.slow

CONTEXT = 672
DAYS = 34
SIZES = np.r_[0.0, np.geomspace(1.0, 1e7, 15)]  # W
ROUNDING = 5e-5  # of a score in 0..1, by float32; weights by chance are large

LOADS: Mapping[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "steady": lambda hour, rng: np.full(len(hour), 300.0),
    "low at night": lambda hour, rng: np.where((hour >= 7) & (hour < 22), 400.0, 60.0),
    "noisy": lambda hour, rng: 300.0 * rng.gamma(1.0, 1.0, len(hour)),
    "panels": lambda hour, rng: (
        300.0 * rng.gamma(4.0, 0.25, len(hour))
        - 2500.0 * np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0) * rng.random(len(hour))
    ),
    "zero": lambda hour, rng: np.zeros(len(hour)),
}


def series(load: str, seed: int, missing: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hours = np.arange(DAYS * 24)
    watts = LOADS[load](hours % 24, rng)
    return np.where(missing & (rng.random(len(hours)) < 0.03), np.nan, watts)


@cache
def noise_model() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Where the noise of each hour begins and ends, W, shape (2, windows, hours)."""
    import keras

    history, newest = keras.Input((CONTEXT, 1)), keras.Input((1,))
    window = normalise(history, newest, CONTEXT)
    reach = NOISE * keras.ops.expand_dims(window.spread, 1)
    ends = [(window.expected + side * reach) * window.scale for side in (-1, 1)]
    model = keras.Model([history, newest], [as_row(end)[:, 0] for end in ends])
    return lambda rows, hours: np.stack(model([rows, hours]))


def edges(watts: np.ndarray, hours: np.ndarray, side: int) -> np.ndarray:
    """The farthest that the noise of each of the hours reaches, on one side, in windows that end
    with any of them, W."""
    rows = np.stack([watts[at - CONTEXT + 1 : at + 1] for at in hours]).astype(np.float32)
    ends = noise_model()(rows[..., None], (hours % 168).astype(np.float32)[:, None])
    place = CONTEXT - 1 - (hours[:, None] - hours)  # of each hour, in each window
    inside = np.take_along_axis(ends[int(side > 0)], np.minimum(place, CONTEXT - 1), axis=1)
    inside = np.where(place < CONTEXT, side * inside, -np.inf)
    return side * inside.max(axis=0)


def scores(network: Network, watts: np.ndarray, newest: np.ndarray) -> np.ndarray:
    """Of windows that end with each of the hours; ``watts``: shape (n, hours)."""
    histories = [row[at - CONTEXT + 1 : at + 1] for row in watts for at in newest]
    inputs = {
        "history_w": np.stack(histories)[:, :, None].astype(np.float32),
        "hour_of_week": np.tile(newest % 168, len(watts)).astype(np.float32)[:, None],
    }
    return network(inputs)["score"].reshape(len(watts), len(newest))


@cache
def network_of_chance(seed: int) -> Network:
    """Weights by chance; those that may not be negative are not."""
    import keras

    rng = np.random.default_rng(seed)
    features = feature_model(CONTEXT)
    count = features.output["features"].shape[1]
    classifiers = []
    for number in range(2):
        mean = rng.normal(0, 1, count).astype(np.float32)
        std = rng.uniform(0.3, 3, count).astype(np.float32)
        classifier = build_classifier(mean, std, f"chance_{seed}_{number}")
        for layer in classifier.layers:
            if isinstance(layer, keras.layers.Dense):
                kernel = rng.normal(0, 1, layer.kernel.shape) * rng.uniform(0.02, 0.5)
                kernel = kernel * (rng.random(layer.kernel.shape) < 0.3)
                rising = isinstance(layer.kernel_constraint, keras.constraints.NonNeg)
                layer.kernel.assign(np.abs(kernel) if rising else kernel)
        classifiers.append(classifier)
    knots = np.linspace(-30, 60, 12)
    calibration = ScoreCalibration(tuple(knots), tuple(np.linspace(0, -9, 12)), 20.0)
    network = build_shipped(features, classifiers, calibration, 72)
    return KerasNetwork(network, {})


loads = st.tuples(st.sampled_from(sorted(LOADS)), st.integers(0, 99), st.booleans())
sides = st.sampled_from((1, -1))


def check_one_hour(network: Network, load: tuple[str, int, bool], side: int, newest: int) -> None:
    watts = series(*load)
    history = np.tile(watts, (len(SIZES), 1))
    inputs = {
        "history_w": history[:, newest - CONTEXT + 1 : newest + 1, None].astype(np.float32),
        "hour_of_week": np.full((len(SIZES), 1), newest % 168, np.float32),
    }
    expected = network(inputs)["expected_w"][:, 0]
    assert np.ptp(expected) == 0  # the newest hour does not move what it is compared with
    begins = edges(watts, np.array([newest]), side)
    inputs["history_w"][:, -1, 0] = begins + side * SIZES
    found = network(inputs)["score"][:, 0]
    assert np.diff(found).min() >= -ROUNDING


def check_event(
    network: Network, load: tuple[str, int, bool], side: int, length: int, shape: int
) -> None:
    watts = series(*load)
    hours = np.arange(len(watts) - length, len(watts))
    outlines = np.random.default_rng(shape).uniform(0.2, 1.0, length) if shape else np.ones(length)
    bigger = np.tile(watts, (len(SIZES), 1))
    bigger[:, hours] = edges(watts, hours, side) + side * SIZES[:, None] * outlines
    found = scores(network, bigger, hours)
    assert np.diff(found, axis=0).min() >= -ROUNDING  # of each hour, and so of the highest


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 3), loads, sides, st.integers(CONTEXT, DAYS * 24 - 1))
def test_an_hour_beyond_its_noise_never_scores_lower_farther_out_whatever_the_weights(
    seed: int, load: tuple[str, int, bool], side: int, newest: int
) -> None:
    check_one_hour(network_of_chance(seed), load, side, newest)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 3), loads, sides, st.integers(1, 48), st.integers(0, 3))
def test_no_hour_of_a_bigger_event_scores_lower_whatever_the_weights(
    seed: int, load: tuple[str, int, bool], side: int, length: int, shape: int
) -> None:
    check_event(network_of_chance(seed), load, side, length, shape)


@settings(max_examples=10, deadline=None)
@given(load=loads, side=sides, length=st.integers(1, 48), shape=st.integers(0, 3))
def test_the_file_that_ships_keeps_it(
    case: Case, load: tuple[str, int, bool], side: int, length: int, shape: int
) -> None:
    check_one_hour(case.file, load, side, DAYS * 24 - length)
    check_event(case.file, load, side, length, shape)


def test_features_of_free_weights_do_not_see_how_far_out_a_reading_is() -> None:
    features = feature_model(CONTEXT)
    rng = np.random.default_rng(0)
    history = np.tile(series("noisy", 0, False)[-CONTEXT:], (2, 1))[:, :, None].astype(np.float32)
    history[:, -48:] = 1e5 + rng.uniform(0, 1e6, (2, 48, 1))
    given_ = {"history_w": history, "hour_of_week": np.zeros((2, 1), np.float32)}
    found = np.asarray(features(given_)["features"])
    assert np.array_equal(found[0, -N_FREE:], found[1, -N_FREE:])
    assert np.abs(found[0, :-N_FREE] - found[1, :-N_FREE]).max() > 0.3


def test_how_long_readings_stood_still_does_not_see_the_newest_through_a_missing_hour() -> None:
    features = feature_model(CONTEXT)
    history = np.tile(series("noisy", 0, False)[-CONTEXT:], (2, 1))[:, :, None].astype(np.float32)
    history[:, -8:] = 1e5
    history[:, -2] = np.nan
    history[1, -1] = 2e5
    given_ = {"history_w": history, "hour_of_week": np.zeros((2, 1), np.float32)}
    found = np.asarray(features(given_)["features"])
    assert np.array_equal(found[0, -N_FREE:], found[1, -N_FREE:])
