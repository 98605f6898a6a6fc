"""What no usual day has never scores lower where it lies farther out: by construction, whatever the
weights are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.kinds.anomaly import KIND
from smartwatts_ml.kinds.anomaly.calibration import ScoreCalibration
from smartwatts_ml.kinds.anomaly.features import N_CONTEXT, feature_model
from smartwatts_ml.kinds.anomaly.network import build_classifier, build_shipped
from smartwatts_ml.kinds.anomaly.normalisation import normalise
from smartwatts_ml.kinds.anomaly.shape import usual_range
from smartwatts_ml.kinds.base import Network
from smartwatts_ml.modelfiles.networks import KerasNetwork

from .conftest import Case, MemoryReadings, made_home

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


def far(watts: np.ndarray, hours: np.ndarray, side: int) -> np.ndarray:
    """As far out as those hours of the day ever were, on one side: beyond what is usual."""
    by_hour = watts.reshape(-1, 24)
    ends = np.nanmax(by_hour, 0) if side > 0 else np.nanmin(by_hour, 0)
    return np.asarray(ends[hours % 24])


@cache
def range_model() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """What a usual day has, from and to, W, shape (2, windows, days, 24), the newest hour last."""
    import keras

    history, newest = keras.Input((CONTEXT, 1)), keras.Input((1,))
    window = normalise(history, newest, CONTEXT)
    model = keras.Model([history, newest], [end * window.scale for end in usual_range(window)])
    return lambda rows, hours: np.stack(model([rows, hours]))


def edge(watts: np.ndarray, hours: np.ndarray, side: int) -> float:
    """The farthest, on one side, that a usual day has in windows that end with each of the hours,
    W."""
    rows = np.stack([watts[at - CONTEXT + 1 : at + 1] for at in hours]).astype(np.float32)
    low, high = range_model()(rows[..., None], (hours % 168).astype(np.float32)[:, None])
    return float(high.max() if side > 0 else low.min())


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
    begins = edge(watts, np.array([newest]), side)
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
    outermost = np.maximum if side > 0 else np.minimum
    begins = outermost(far(watts, hours, side), edge(watts, hours, side))
    bigger[:, hours] = begins + side * SIZES[:, None] * outlines
    found = scores(network, bigger, hours)
    assert np.diff(found, axis=0).min() >= -ROUNDING  # of each hour, and so of the highest


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 3), loads, sides, st.integers(CONTEXT, DAYS * 24 - 1))
def test_an_hour_outside_of_a_usual_day_never_scores_lower_farther_out_whatever_the_weights(
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


@pytest.mark.parametrize("load", ["steady", "low at night", "zero"])
def test_what_no_hour_ever_came_near_is_alerted(case: Case, load: str) -> None:
    watts = series(load, 0, False)[-CONTEXT:]
    history = np.tile(watts, (4, 1))[:, :, None].astype(np.float32)
    history[:, -1, 0] = 1e4, 1e5, 1e6, 1e7
    outputs = case.file({"history_w": history, "hour_of_week": np.zeros((4, 1), np.float32)})
    assert (outputs["alert"] > 0.5).all()


def test_features_of_free_weights_do_not_see_how_far_out_a_reading_is() -> None:
    features = feature_model(CONTEXT)
    rng = np.random.default_rng(0)
    history = np.tile(series("noisy", 0, False)[-CONTEXT:], (2, 1))[:, :, None].astype(np.float32)
    history[:, -48:] = 1e5 + rng.uniform(0, 1e6, (2, 48, 1))
    given_ = {"history_w": history, "hour_of_week": np.zeros((2, 1), np.float32)}
    found = np.asarray(features(given_)["features"])
    assert np.array_equal(found[0, -N_CONTEXT:], found[1, -N_CONTEXT:])
    assert np.abs(found[0, :-N_CONTEXT] - found[1, :-N_CONTEXT]).max() > 1


def test_what_is_always_on_and_has_risen_is_told_by_a_channel_of_its_own(case: Case) -> None:
    scorer = KIND.work.predictor(case.file)
    start, kinds = 45 * 24, []
    for seed in range(6):
        site = made_home("home", 55, 60 + seed)
        watts = site.channels["mains"].copy()
        ramp = np.clip((np.arange(len(watts)) - start) / 96, 0, 1)
        watts += np.float32(0.8 * np.nanmedian(watts)) * ramp.astype(np.float32)
        risen = MemoryReadings([replace(site, channels={"mains": watts})])
        table = next(iter(KIND.work.predict(scorer, risen, alerts=True)))
        since = table["start"] - pd.Timestamp(site.times[start])
        near = (since >= pd.Timedelta(0)) & (since < pd.Timedelta(days=5))
        kinds.append(set(table.loc[near, "kind"]))
    assert sum("creep" in found for found in kinds) >= 4
