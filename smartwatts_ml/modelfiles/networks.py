"""Networks as files: Keras for training, LiteRT for everything that ships.

Both carry their ``details`` (what a kind needs beside the weights) inside the file, so a
model file is complete by itself. Only the Keras half imports TensorFlow.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.kinds.base import Details, Network
from smartwatts_ml.modelfiles.tensorflow import import_keras, native_stderr_kept

if TYPE_CHECKING:
    import keras

__all__ = [
    "METADATA_NAME",
    "KerasNetwork",
    "LiteRTNetwork",
    "embed_details",
    "load_keras",
    "name_outputs",
    "open_network",
    "read_details",
    "save_keras",
]

METADATA_NAME = "smartwatts.manifest"
KERAS_MEMBER = "smartwatts.json"
SIGNATURE = "serve"


class KerasNetwork:
    """A Keras model with its details; computes in batches."""

    def __init__(self, model: keras.Model, details: Details) -> None:
        self.model = model
        self.details = details

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        ordered = {tensor.name: inputs[tensor.name] for tensor in self.model.inputs}
        value = next(iter(ordered.values())) if len(ordered) == 1 else ordered
        outputs = self.model.predict(value, batch_size=64, verbose=0)
        return {name: np.asarray(array) for name, array in name_outputs(outputs).items()}


class LiteRTNetwork:
    """A ``.tflite`` file of batch 1 on one core; a batch is a loop over windows."""

    def __init__(self, content: bytes, name: str = "model.tflite") -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.details = read_details(content, name)
        try:
            with native_stderr_kept():
                self._interpreter = Interpreter(model_content=content, num_threads=1)
                self._interpreter.allocate_tensors()
            runner = self._interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise BadInputError(f"{name}: not a LiteRT model that runs here: {error}") from error
        self._inputs = runner.get_input_details()
        self._outputs = runner.get_output_details()

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        count = len(next(iter(inputs.values())))
        results = {
            name: np.empty((count, *detail["shape"][1:]), np.float32)
            for name, detail in self._outputs.items()
        }
        for i in range(count):
            for name, detail in self._inputs.items():
                self._interpreter.set_tensor(
                    detail["index"], np.ascontiguousarray(inputs[name][i : i + 1], np.float32)
                )
            self._interpreter.invoke()
            for name, detail in self._outputs.items():
                results[name][i] = self._interpreter.get_tensor(detail["index"])[0]
        return results


def open_network(path: Path) -> Network:
    """Open a model file by its suffix: ``.tflite`` (no TensorFlow), ``.keras`` or ``.h5``."""
    if not path.is_file():
        raise BadInputError(f"{path}: no such model file")
    if path.suffix == ".tflite":
        return LiteRTNetwork(path.read_bytes(), str(path))
    return load_keras(path)


def save_keras(model: keras.Model, details: Details, path: Path) -> None:
    """Write a ``.keras`` file with its details as one more member of the archive."""
    model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(KERAS_MEMBER, json.dumps(details, sort_keys=True))


def load_keras(path: Path) -> KerasNetwork:
    """Load ``.keras`` or legacy ``.h5``; details are empty where the file has none."""
    if not path.is_file():
        raise BadInputError(f"{path}: no such model file")
    keras = import_keras()
    try:
        model = keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
        raise BadInputError(f"{path}: Keras cannot load it: {reason}") from error
    details: Details = {}
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if KERAS_MEMBER in archive.namelist():
                details = json.loads(archive.read(KERAS_MEMBER))
    return KerasNetwork(model, details)


def embed_details(content: bytes, details: Details) -> bytes:
    """The same LiteRT file with ``details`` in its metadata."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(json.dumps(details, sort_keys=True).encode(), np.uint8)
    metadata = schema.MetadataT()
    metadata.name = METADATA_NAME
    kept = [m for m in model.metadata or [] if _text(m.name) != METADATA_NAME]
    metadata.buffer = len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*kept, metadata]
    builder = flatbuffers.Builder(len(content) + len(buffer.data) + 1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def read_details(content: bytes, name: str = "model.tflite") -> Details:
    """The details in a LiteRT file's metadata; empty where it has none."""
    from ai_edge_litert import schema_py_generated as schema

    if content[4:8] != b"TFL3":
        raise BadInputError(f"{name}: not a .tflite file")
    model = schema.Model.GetRootAs(content, 0)
    for i in range(model.MetadataLength()):
        metadata = model.Metadata(i)
        if _text(metadata.Name()) == METADATA_NAME:
            data = model.Buffers(metadata.Buffer()).DataAsNumpy()
            details: Details = json.loads(bytes(data))
            return details
    return {}


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def name_outputs(outputs: Any) -> dict[str, Any]:
    """Outputs by name; a model that names none gets ``output_0``, ``output_1``, …"""
    if isinstance(outputs, dict):
        return outputs
    listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return {f"output_{i}": output for i, output in enumerate(listed)}
