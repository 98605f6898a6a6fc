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
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from smartwatts_ml.errors import BadInputError, SmartwattsError
from smartwatts_ml.modelfiles.networks import DETAILS_MEMBER, KerasNetwork, name_outputs
from smartwatts_ml.modelfiles.tensorflow import native_stderr_kept

__all__ = ["converter", "load_keras"]

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
            model = keras.models.load_model(path, compile=False)
        except (ValueError, TypeError, OSError, KeyError, zipfile.BadZipFile) as error:
            reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
            reason = reason.replace(str(path), name)
            raise BadInputError(f"{name}: Keras cannot load it: {reason}") from error
    details = {}
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if DETAILS_MEMBER in archive.namelist():
                details = json.loads(archive.read(DETAILS_MEMBER))
    return KerasNetwork(model, details)


@contextmanager
def converter(
    model: keras.Model,
) -> Iterator[Callable[[Mapping[str, np.ndarray], str], bytes]]:
    """Turns realistic inputs and a quantization into a LiteRT file of the model, which is
    exported once."""
    with tempfile.TemporaryDirectory() as folder:
        _export(model, Path(folder))
        yield partial(_convert, Path(folder))


def _export(model: keras.Model, folder: Path) -> None:
    """Write a SavedModel with one endpoint of fixed shapes and the model's own names."""
    specs = []
    for tensor in model.inputs:
        if None in tensor.shape[1:]:
            raise SmartwattsError(f"input {tensor.name} has no fixed shape: {tensor.shape}")
        specs.append(tf.TensorSpec((1, *tensor.shape[1:]), tf.float32, name=tensor.name))
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(_SIGNATURE, _endpoint(model), input_signature=specs)
    archive.write_out(folder, verbose=False)


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


def _convert(folder: Path, samples: Mapping[str, np.ndarray], quantization: str) -> bytes:
    """A LiteRT file of what ``_export`` wrote. ``samples`` calibrate ``int8``."""
    recipe = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[_SIGNATURE])
    if quantization != "none":
        recipe.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        recipe.target_spec.supported_types = [tf.float16]
    if quantization == "int8":
        recipe.representative_dataset = lambda: _representative(samples)
    with native_stderr_kept():
        return bytes(recipe.convert())


def _representative(samples: Mapping[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """Calibration examples; missing readings become 0, since int8 ranges know no NaN."""
    for i in range(len(next(iter(samples.values())))):
        yield {name: np.nan_to_num(array[i : i + 1]) for name, array in samples.items()}
