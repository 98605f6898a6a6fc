"""Networks as files: Keras for training, LiteRT for everything that ships.

Both carry their ``details`` (what a kind needs beside the weights) inside the file, so a
model file is complete by itself. What loads a file is named by its suffix, and is imported
when the first such file is opened: a ``.tflite`` never loads TensorFlow.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.kinds.base import Network, Trained
from smartwatts_ml.kinds.batches import whole_batches
from smartwatts_ml.modelfiles.tensorflow import native_stderr_kept

if TYPE_CHECKING:
    import keras

__all__ = [
    "DETAILS_MEMBER",
    "KerasNetwork",
    "keras_file",
    "load_network",
    "name_outputs",
    "open_network",
]

DETAILS_MEMBER = "smartwatts.json"
_BATCH = 64
_LOADERS = {
    ".tflite": "smartwatts_ml.modelfiles.litert:LiteRTNetwork",
    ".keras": "smartwatts_ml.modelfiles.keras_files:load_keras",
    ".h5": "smartwatts_ml.modelfiles.keras_files:load_keras",
    ".hdf5": "smartwatts_ml.modelfiles.keras_files:load_keras",
}
"""By suffix, what makes a network of a file's content and its name for messages."""


def open_network(path: Path) -> Network:
    """Open a model file by its suffix: ``.tflite`` (no TensorFlow), ``.keras`` or ``.h5``."""
    if not path.is_file():
        raise BadInputError(f"{path}: no such model file")
    return load_network(path.read_bytes(), str(path))


def load_network(content: bytes, name: str) -> Network:
    """A network of a file's content; ``name``: of the file, whose suffix says what it is.
    Details are empty where the file has none. Raises BadInputError where it is no such file."""
    suffix = Path(name).suffix
    if suffix not in _LOADERS:
        raise BadInputError(f"{name}: no model file", fix=f"one of {', '.join(_LOADERS)}")
    with native_stderr_kept():
        load: Callable[[bytes, str], Network] = resolve_name(_LOADERS[suffix])
    return load(content, name)


class KerasNetwork:
    """A Keras model with its details; computes in batches."""

    def __init__(self, model: keras.Model, details: Mapping[str, Any]) -> None:
        self.model = model
        self.details = details

    @classmethod
    def from_training(cls, trained: Trained) -> Self:
        """What a kind's trainer made."""
        return cls(trained.network, trained.details.to_json())

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        ordered = {tensor.name: inputs[tensor.name] for tensor in self.model.inputs}
        count = len(next(iter(ordered.values())))
        parts = []
        for rows, counting in whole_batches(count, _BATCH):
            batch = {name: array[rows] for name, array in ordered.items()}
            value = next(iter(batch.values())) if len(batch) == 1 else batch
            outputs = name_outputs(self.model.predict_on_batch(value))
            parts.append({name: np.asarray(array)[:counting] for name, array in outputs.items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def keras_file(network: KerasNetwork) -> bytes:
    """A ``.keras`` file with its details as one more member of the archive."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        network.model.save(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(DETAILS_MEMBER, json.dumps(network.details, sort_keys=True))
        return path.read_bytes()


def name_outputs(outputs: Any) -> dict[str, Any]:
    """Outputs by name; a model that names none gets ``output_0``, ``output_1``, …"""
    if isinstance(outputs, dict):
        return outputs
    listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return {f"output_{i}": output for i, output in enumerate(listed)}
