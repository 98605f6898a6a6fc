"""What needs TensorFlow: loading a Keras file, and turning a model into a LiteRT file."""

from __future__ import annotations

import inspect
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from keyword import iskeyword
from pathlib import Path
from typing import Any

import h5py
import keras
import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from smartwatts_ml.errors import BadInputError, naming
from smartwatts_ml.kinds.details import Said, parse_details
from smartwatts_ml.modelfiles.networks import DETAILS_MEMBER, KerasNetwork, name_outputs
from smartwatts_ml.modelfiles.tensorflow import native_stderr_kept

__all__ = ["converter", "input_specs", "load_keras"]

_SIGNATURE = "serve"


def load_keras(content: bytes, name: str) -> KerasNetwork:
    """Load ``.keras`` or legacy ``.h5``; details are empty where the file has none.
    Raises BadInputError where it is damaged or no such file."""
    if Path(name).suffix == ".keras" and not zipfile.is_zipfile(io.BytesIO(content)):
        raise BadInputError(f"{name}: not a whole .keras file")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{Path(name).suffix}"
        path.write_bytes(content)
        try:
            if path.suffix != ".keras":
                _without_time_major(path)
            model = keras.models.load_model(path, compile=False)
        except (ValueError, TypeError, OSError, KeyError, zipfile.BadZipFile) as error:
            reason = _reason_of(error).replace(str(path), name)
            raise BadInputError(f"{name}: Keras cannot load it: {reason}") from error
    details = {}
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if DETAILS_MEMBER in archive.namelist():
                details = parse_details(archive.read(DETAILS_MEMBER), name)
    _check_interface(model, details, name)
    return KerasNetwork(model, details)


def _reason_of(error: Exception) -> str:
    """One line of what Keras says, which quotes whole configurations before the reason."""
    *_, said = f"{error}".strip().split("Exception encountered: ")
    return said.splitlines()[0] if said else type(error).__name__


def _check_interface(model: keras.Model, details: Mapping[str, Any], name: str) -> None:
    """Raises BadInputError for a model of no known inputs, and for other tensors than the details
    speak of."""
    if not getattr(model, "inputs", None):
        raise BadInputError(
            f"{name}: its inputs are unknown", fix="call the model once, then save it again"
        )
    with naming(name):
        said = Said.read(details)
    tensors = {
        "inputs": {tensor.name: tensor for tensor in model.inputs},
        "outputs": name_outputs(
            model.outputs if isinstance(model, keras.Sequential) else model.output
        ),
    }
    for way, named in tensors.items():
        shapes = {tensor: (1, *value.shape[1:]) for tensor, value in named.items()}
        said.check_tensors(way, shapes, name)


def _without_time_major(path: Path) -> None:
    """Take out of a legacy file what Keras 2 wrote of recurrent layers: Keras 3 does not know it
    and, where it is false, does not need it."""
    with h5py.File(path, "r+") as file:
        if "model_config" in file.attrs:
            config = json.loads(file.attrs["model_config"], object_hook=_known)
            file.attrs["model_config"] = json.dumps(config)


def _known(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "time_major" or value}


@contextmanager
def converter(model: keras.Model) -> Iterator[Callable[[str], bytes]]:
    """Turns a quantization into a LiteRT file of the model, which is exported once. Raises
    BadInputError for a model that no file can be made of."""
    with tempfile.TemporaryDirectory() as folder:
        _export(model, Path(folder))
        yield partial(_convert, Path(folder))


def _export(model: keras.Model, folder: Path) -> None:
    """Write a SavedModel with one endpoint of fixed shapes and the model's own names."""
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(_SIGNATURE, _endpoint(model), input_signature=input_specs(model))
    archive.write_out(folder, verbose=False)


def input_specs(model: keras.Model) -> list[tf.TensorSpec]:
    """The inputs of a file of the model, with the batch of 1. Raises BadInputError where there
    can be none."""
    return [_spec(tensor) for tensor in model.inputs]


def _spec(tensor: Any) -> tf.TensorSpec:
    """Of an input. Raises BadInputError for one that a file cannot have."""
    if not (tensor.name.isascii() and tensor.name.isidentifier()) or iskeyword(tensor.name):
        fix = "name it with letters, digits and _ as in keras.Input(name=…)"
        raise BadInputError(f"input {tensor.name!r} has a name that no file can have", fix=fix)
    if None in tensor.shape[1:]:
        fix = "build the model for a fixed number of samples"
        raise BadInputError(f"input {tensor.name} has no fixed shape: {tensor.shape}", fix=fix)
    if tensor.dtype != "float32":
        fix = "give it an input of float32 and cast it in the model"
        raise BadInputError(f"input {tensor.name} takes {tensor.dtype}, not float32", fix=fix)
    return tf.TensorSpec((1, *tensor.shape[1:]), tf.float32, name=tensor.name)


def _endpoint(model: Any) -> Callable[..., dict[str, Any]]:
    """A function whose parameters are the model's inputs and whose result is named."""
    names = [tensor.name for tensor in model.inputs]

    def serve(*arrays: Any) -> dict[str, Any]:
        value = arrays[0] if len(names) == 1 else dict(zip(names, arrays, strict=True))
        return name_outputs(model(value))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    serve.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind) for name in names]
    )
    return serve


def _convert(folder: Path, quantization: str) -> bytes:
    """A LiteRT file of what ``_export`` wrote."""
    recipe = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[_SIGNATURE])
    if quantization != "none":
        recipe.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        recipe.target_spec.supported_types = [tf.float16]
    try:
        with native_stderr_kept():
            return bytes(recipe.convert())
    except ConverterError as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInputError(f"TensorFlow cannot convert it: {reason}") from error
