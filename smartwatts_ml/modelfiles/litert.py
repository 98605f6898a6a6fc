"""LiteRT files: run on one core, with their details in the file's own metadata."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from smartwatts_ml.errors import BadInputError, naming
from smartwatts_ml.kinds.details import Said, parse_details
from smartwatts_ml.modelfiles.tensorflow import native_stderr_kept

__all__ = ["LiteRTNetwork", "damage_named", "embed_details", "read_details"]

_METADATA_NAME = "smartwatts.manifest"


class LiteRTNetwork:
    """A ``.tflite`` file of batch 1 on one core; a batch is a loop over windows. ``resolver``:
    which kernels compute it."""

    def __init__(
        self,
        content: bytes,
        name: str = "model.tflite",
        resolver: OpResolverType = OpResolverType.AUTO,
    ) -> None:
        self.details = read_details(content, name)
        try:
            with native_stderr_kept():
                self._interpreter = Interpreter(
                    model_content=content, num_threads=1, experimental_op_resolver_type=resolver
                )
                self._interpreter.allocate_tensors()
            runner = self._interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            reason = (str(error).splitlines() or ["it needs too much memory"])[0]
            raise BadInputError(f"{name}: not a LiteRT model that runs here: {reason}") from error
        self._inputs = runner.get_input_details()
        self._outputs = runner.get_output_details()
        _check_interface(self.details, self._inputs, self._outputs, name)

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """By name, with the batch of 1."""
        return {name: tuple(map(int, d["shape"])) for name, d in self._inputs.items()}

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


def embed_details(content: bytes, details: Mapping[str, Any]) -> bytes:
    """The same LiteRT file with ``details`` in its metadata, and without what no interpreter
    needs."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    _shrink(model)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(json.dumps(details, sort_keys=True).encode(), np.uint8)
    metadata = schema.MetadataT()
    metadata.name = _METADATA_NAME
    kept = [m for m in model.metadata or [] if _text(m.name) != _METADATA_NAME]
    metadata.buffer = len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*kept, metadata]
    builder = flatbuffers.Builder(len(content) + len(buffer.data) + 1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _shrink(model: Any) -> None:
    """Tensors between inputs and outputs lose the names that the converter made up, and all of them
    what says that nothing is quantized or no size is unknown: a tenth of a small file."""
    for graph in model.subgraphs:
        ends = [part for part in (graph.inputs, graph.outputs) if part is not None]
        named = {number for part in ends for number in part}
        for number, tensor in enumerate(graph.tensors or ()):
            if number not in named:
                tensor.name = b""
            if tensor.quantization is not None and tensor.quantization.scale is None:
                tensor.quantization = None
            if tensor.shapeSignature is not None and min(tensor.shapeSignature, default=0) >= 0:
                tensor.shapeSignature = None


def read_details(content: bytes, name: str = "model.tflite") -> dict[str, Any]:
    """The details in a LiteRT file's metadata; empty where it has none."""
    if content[4:8] != b"TFL3":
        raise BadInputError(f"{name}: not a .tflite file")
    with damage_named(name):
        model = schema.Model.GetRootAs(content, 0)
        for i in range(model.MetadataLength()):
            metadata = model.Metadata(i)
            if _text(metadata.Name()) == _METADATA_NAME:
                data = model.Buffers(metadata.Buffer()).DataAsNumpy()
                return parse_details(bytes(data), name)
    return {}


def _check_interface(
    details: Mapping[str, Any],
    inputs: Mapping[str, Mapping[str, Any]],
    outputs: Mapping[str, Mapping[str, Any]],
    name: str,
) -> None:
    """Numbers of float32, one window at a time, and the tensors that the details speak of."""
    with naming(name):
        said = Said.read(details)
    for way, tensors in (("inputs", inputs), ("outputs", outputs)):
        for tensor, detail in tensors.items():
            if detail["dtype"] is not np.float32 or list(detail["shape"][:1]) != [1]:
                got = f"{np.dtype(detail['dtype'])} of shape {detail['shape'].tolist()}"
                raise BadInputError(
                    f"{name}: {tensor} of its {way} is {got}",
                    fix="float32 of shape [1, …] is read here: convert it from Keras",
                )
        shapes = {tensor: tuple(map(int, d["shape"])) for tensor, d in tensors.items()}
        said.check_tensors(way, shapes, name)


@contextmanager
def damage_named(name: str) -> Iterator[None]:
    """What flatbuffers raises where offsets lead out of a damaged file, as a BadInputError."""
    try:
        yield
    except (struct.error, LookupError, ValueError, TypeError, AttributeError) as error:
        raise BadInputError(f"{name}: not a whole .tflite file") from error


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""
