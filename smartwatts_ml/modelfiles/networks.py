"""Networks as files: Keras for training, LiteRT for everything that ships.

Both carry their ``details`` (what a kind needs beside the weights) inside the file, so a
model file is complete by itself. What loads a file is named by its suffix, and is imported
when the first such file is opened: a ``.tflite`` never loads TensorFlow.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.kinds.base import Network, Trained
from smartwatts_ml.kinds.batches import whole_batches
from smartwatts_ml.modelfiles.apart import apart
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
    "read_model_file",
    "serve_network",
]

DETAILS_MEMBER = "smartwatts.json"
_BATCH = 64
_LARGEST = 2**31
"""Bytes of a model file; a flatbuffer cannot have more."""
_SERVE = "smartwatts_ml.modelfiles.networks:serve_network"
_LOADERS = {
    ".tflite": "smartwatts_ml.modelfiles.litert:LiteRTNetwork",
    ".keras": "smartwatts_ml.modelfiles.keras_files:load_keras",
    ".h5": "smartwatts_ml.modelfiles.keras_files:load_keras",
    ".hdf5": "smartwatts_ml.modelfiles.keras_files:load_keras",
}
"""By suffix, what makes a network of a file's content and its name for messages."""


def read_model_file(path: Path) -> bytes:
    """The content of a file that somebody names. Raises BadInputError where there is none."""
    if not path.is_file():
        raise BadInputError(f"{path}: {'no file' if path.exists() else 'no such model file'}")
    if path.stat().st_size > _LARGEST:
        raise BadInputError(f"{path}: too large for a model file, which has 2 GiB at most")
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error


@contextmanager
def open_network(path: Path) -> Iterator[Network]:
    """The network of a file of anybody's, ``.tflite`` (no TensorFlow), ``.keras`` or ``.h5``, in
    a process of its own. Raises BadInputError, then and when it computes, where it is no such
    file or crashes."""
    content, name = read_model_file(path), str(path)
    _loader_of(name)
    with apart(name, _SERVE, content, name) as ask:
        yield _NetworkApart(ask(None), ask)


@dataclass(frozen=True)
class _NetworkApart:
    details: Mapping[str, Any]
    ask: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return self.ask(inputs)


def serve_network(content: bytes, name: str) -> Generator[Any, Any, None]:
    """For ``apart``: the details of a network, then its outputs for each inputs."""
    network = load_network(content, name)
    answer: Any = network.details
    while True:
        answer = network((yield answer))


def load_network(content: bytes, name: str) -> Network:
    """A network of a file's content; ``name``: of the file, whose suffix says what it is.
    Details are empty where the file has none. Raises BadInputError where it is no such file."""
    with native_stderr_kept():
        load: Callable[[bytes, str], Network] = resolve_name(_loader_of(name))
    return load(content, name)


def _loader_of(name: str) -> str:
    suffix = Path(name).suffix
    if suffix not in _LOADERS:
        raise BadInputError(f"{name}: no model file", fix=f"one of {', '.join(_LOADERS)}")
    return _LOADERS[suffix]


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
