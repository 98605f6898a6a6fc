"""Keras files of anybody: converted as they compute, or refused in a word."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smartwatts_ml.errors import BadInputError, SmartwattsError, UsageError
from smartwatts_ml.modelfiles import conversion
from smartwatts_ml.modelfiles.conversion import Converted, serve_conversion
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.modelfiles.networks import DETAILS_MEMBER, load_network
from tests.kinds.networks import embedded
from tests.modelfiles.test_strangers import call

pytestmark = pytest.mark.slow
KERAS_2 = Path(__file__).parent / "keras_2"
RAMP = np.linspace(0, 3000, 24, dtype=np.float32)[None, :, None]
"""What the files of Keras 2 were asked there."""


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "measure_latency_ms", lambda *_: 0.0)


def converted(content: bytes, name: str, quantization: str = "none") -> Converted:
    """As the process of ``convert`` does it."""
    return next(serve_conversion(content, name, quantization, 0))


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("lstm", (0.5717041, 0.6022253)),
        ("gru", (0.29836544, -0.38540301)),
        ("bidirectional", (0.07652549, -0.10840728, 0.0833969, -0.09896132)),
    ],
)
def test_a_recurrent_file_of_keras_2_computes_here_what_it_did_there(
    name: str, first: tuple[float, ...]
) -> None:
    content = (KERAS_2 / f"{name}.h5").read_bytes()
    (there,) = load_network(content, f"{name}.h5")({"history_w": RAMP}).values()
    np.testing.assert_allclose(there.ravel()[: len(first)], first, atol=1e-4)
    file = LiteRTNetwork(converted(content, f"{name}.h5").content)
    np.testing.assert_allclose(file({"history_w": RAMP})["output_0"], there, atol=1e-3)


def test_what_keras_3_dropped_is_named() -> None:
    content = (KERAS_2 / "lstm.h5").read_bytes()
    assert content.count(b'"time_major": false') == 1
    content = content.replace(b'"time_major": false', b'"time_major":  true')
    with pytest.raises(BadInputError, match=r"^old\.h5: .*'time_major': True"):
        load_network(content, "old.h5")


def dense(**of_input: Any) -> Any:
    import keras

    shape = of_input.pop("shape", (8,))
    return keras.Sequential([keras.Input(shape, **of_input), keras.layers.Dense(1)])


def with_unknown_operation() -> Any:
    import keras

    x = keras.Input((8,), name="x")
    return keras.Model(x, keras.ops.erfinv(x / 1e6))


def with_a_layer_of_its_own() -> Any:
    import keras

    class Own(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    x = keras.Input((8,), name="x")
    return keras.Model(x, Own()(x))


def saying(details: bytes) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        packed = io.BytesIO(content)
        with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(DETAILS_MEMBER, details)
        return packed.getvalue()

    return change


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


REFUSED: dict[str, tuple[Callable[[], Any], str, str]] = {
    "no fixed shape": (lambda: dense(shape=(None, 3), name="x"), "keras", "no fixed shape"),
    "a name with a space": (lambda: dense(name="mains w"), "keras", "'mains w' has a name"),
    "a name with an umlaut": (lambda: dense(name="größe"), "keras", "'größe' has a name"),
    "a name that Python has": (lambda: dense(name="lambda"), "h5", "'lambda' has a name"),
    "integers": (lambda: dense(dtype="int32", name="x"), "keras", "x takes int32"),
    "a foreign operation": (with_unknown_operation, "keras", "TensorFlow cannot convert it"),
    "a layer of its own": (with_a_layer_of_its_own, "keras", "Keras cannot load it: .*Own"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_converted_is_refused_with_the_file_and_the_reason(
    case: str, tmp_path: Path
) -> None:
    make, suffix, reason = REFUSED[case]
    path = tmp_path / f"model.{suffix}"
    make().save(path)
    with pytest.raises(BadInputError, match=reason) as caught:
        converted(path.read_bytes(), str(path))
    assert str(caught.value).startswith(str(path))


DAMAGED: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "half an archive": ("keras", half, "not a whole .keras file"),
    "half an HDF5 file": ("h5", half, "Keras cannot load it"),
    "text": ("h5", lambda _: b"hello", "Keras cannot load it"),
    "nothing": ("h5", lambda _: b"", "Keras cannot load it"),
    "details that are none": ("keras", saying(b"[1]"), "no JSON object"),
    "details of zeros": ("keras", saying(bytes(2**28)), "no JSON"),
    "details that lack": ("keras", saying(b'{"kind": "nilm"}'), "lacks what using it needs"),
    "details of no kind": (
        "keras",
        saying(b'{"kind": "tea", "model": "tea", "inputs": [], "outputs": []}'),
        "tea",
    ),
    "details that lie": (
        "keras",
        saying(repr(embedded("nilm")).replace("'", '"').encode()),
        "says",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_is_damaged_or_lies_is_refused_with_the_file_and_the_reason(
    case: str, tmp_path: Path
) -> None:
    suffix, change, reason = DAMAGED[case]
    path = tmp_path / f"model.{suffix}"
    dense(name="mains_w").save(path)
    with pytest.raises(SmartwattsError, match=reason) as caught:
        converted(change(path.read_bytes()), str(path))
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_python_in_a_file_is_not_run(suffix: str, tmp_path: Path) -> None:
    import keras

    marker = tmp_path / "ran"
    x = keras.Input((8,), name="x")
    touch = keras.layers.Lambda(
        lambda x, path=str(marker): (open(path, "w"), x)[1],  # noqa: PTH123, SIM115
        output_shape=(8,),
    )
    path = tmp_path / f"model.{suffix}"
    keras.Model(x, touch(x)).save(path)
    marker.unlink(missing_ok=True)
    with pytest.raises(BadInputError, match=r"Keras cannot load it: .*[Ll]ambda"):
        converted(path.read_bytes(), str(path))
    assert not marker.exists()


def test_convert_is_one_line_and_an_exit_code_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "two words ü.keras"
    dense(shape=(None, 3), name="x").save(path)
    result = call("convert", "--model-path", str(path))
    assert isinstance(result.exception, BadInputError)
    assert f"{path}: input x has no fixed shape" in str(result.exception)
    assert not path.with_suffix(".tflite").exists()


def test_several_inputs_and_outputs_keep_their_names(tmp_path: Path) -> None:
    import keras

    power, hour = keras.Input((8,), name="power"), keras.Input((1,), name="hour")
    both = keras.layers.Concatenate()([power, hour])
    ends = {"low": keras.layers.Dense(2)(both), "high": keras.layers.Dense(3)(both)}
    path = tmp_path / "m.keras"
    keras.Model({"power": power, "hour": hour}, ends).save(path)
    file = LiteRTNetwork(converted(path.read_bytes(), str(path)).content)
    outputs = file({"power": np.ones((2, 8), np.float32), "hour": np.ones((2, 1), np.float32)})
    assert {name: values.shape for name, values in outputs.items()} == {
        "low": (2, 2),
        "high": (2, 3),
    }


def test_a_quantization_that_is_not_offered_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    dense(name="x").save(path)
    with pytest.raises(UsageError, match=rf"{path}: quantization 'int8' is not offered"):
        converted(path.read_bytes(), str(path), "int8")
