"""A converted file computes what its Keras model computes, or it is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from smartwatts_ml.errors import BadInputError, UsageError
from smartwatts_ml.modelfiles import keras_files
from smartwatts_ml.modelfiles.conversion import (
    Converted,
    ParityError,
    convert_network,
    generic_samples,
)
from smartwatts_ml.modelfiles.litert import LiteRTNetwork, read_details
from smartwatts_ml.modelfiles.networks import KerasNetwork, keras_file, open_network

pytestmark = pytest.mark.slow
DETAILS = {"kind": "made", "model": "made_1h", "numbers": [1, 2.5]}


@pytest.fixture(scope="module")
def network() -> KerasNetwork:
    import keras

    keras.utils.set_random_seed(1)
    history = keras.Input((48, 1), name="history_w")
    hour = keras.Input((1,), name="hour_of_week")
    missing = keras.ops.not_equal(history, history)
    x = keras.ops.where(missing, 0.0, history) / 500.0
    x = keras.layers.Conv1D(16, 5, dilation_rate=2, padding="same", activation="relu")(x)
    x = x + keras.ops.expand_dims(keras.layers.Dense(16)(hour / 168.0), 1)
    power = keras.layers.Conv1D(3, 1, name="power")(x) * 500.0
    on = keras.layers.Conv1D(3, 1, activation="sigmoid")(x)
    model = keras.Model([history, hour], {"power_w": power, "on_probability": on})
    return KerasNetwork(model, dict(DETAILS))


@pytest.fixture(scope="module")
def samples() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    history = rng.gamma(2.0, 300.0, (20, 48, 1)).astype(np.float32)
    history[3, 5:9] = np.nan
    return {"history_w": history, "hour_of_week": rng.integers(0, 168, (20, 1)).astype(np.float32)}


@pytest.fixture(scope="module")
def converted(network: KerasNetwork, samples: dict[str, np.ndarray]) -> Callable[[str], Converted]:
    """The network's file with a quantization, each made once."""
    return cache(lambda quantization: convert_network(network, samples, quantization))


@pytest.mark.parametrize("quantization", ["none", "dynamic", "float16", "auto"])
def test_the_file_agrees_with_keras_by_input_and_output_name(
    network: KerasNetwork,
    samples: dict[str, np.ndarray],
    converted: Callable[[str], Converted],
    quantization: str,
) -> None:
    file = LiteRTNetwork(converted(quantization).content)
    expected, found = network(samples), file(samples)
    for name in ("power_w", "on_probability"):
        assert np.isfinite(found[name]).all()
        assert np.abs(found[name] - expected[name]).mean() < 0.03 * expected[name].std()


def test_auto_is_no_larger_than_any_other(converted: Callable[[str], Converted]) -> None:
    for quantization in ("none", "dynamic", "float16"):
        assert len(converted("auto").content) <= len(converted(quantization).content)


def test_details_travel_inside_both_files(
    network: KerasNetwork, samples: dict[str, np.ndarray], tmp_path: Path
) -> None:
    (tmp_path / "m.keras").write_bytes(keras_file(network))
    loaded = open_network(tmp_path / "m.keras")
    assert loaded.details == DETAILS
    converted = convert_network(loaded, samples, "dynamic")
    assert read_details(converted.content) == DETAILS
    (tmp_path / "m.tflite").write_bytes(converted.content)
    assert open_network(tmp_path / "m.tflite").details == DETAILS


def test_a_file_that_lost_its_weights_is_refused(
    network: KerasNetwork, samples: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    other = keras.models.clone_model(network.model)
    for layer in other.layers:
        layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    real = keras_files.converter
    monkeypatch.setattr(keras_files, "converter", lambda _: real(other))
    with pytest.raises(ParityError, match=r"differs|weights did not arrive"):
        convert_network(network, samples, "auto")


def test_an_unknown_quantization_names_the_known_ones(network: KerasNetwork) -> None:
    with pytest.raises(UsageError, match="dynamic"):
        convert_network(network, {}, "int4")


def test_a_quantization_that_breaks_what_a_network_promises_is_not_taken(
    network: KerasNetwork, samples: dict[str, np.ndarray]
) -> None:
    promises = {**DETAILS, "kind": "nilm", "quantizations": ["none"]}
    careful = KerasNetwork(network.model, promises)
    assert convert_network(careful, samples, "auto").quantization == "none"
    with pytest.raises(UsageError, match="would break") as refused:
        convert_network(careful, samples, "dynamic")
    assert refused.value.fix == "one of auto, none"


def test_a_legacy_h5_model_converts(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential(
        [keras.Input((32,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)]
    )
    model.save(tmp_path / "old.h5")
    loaded = open_network(tmp_path / "old.h5")
    inputs = generic_samples(loaded, 8, 0)
    converted = convert_network(loaded, inputs, "none")
    found = LiteRTNetwork(converted.content)(inputs)
    for name, expected in loaded(inputs).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("name", ["m.tflite", "m.keras", "m.h5"])
def test_a_file_that_is_no_model_gets_a_clear_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not a model at all")
    with pytest.raises(BadInputError, match=name):
        open_network(tmp_path / name)
