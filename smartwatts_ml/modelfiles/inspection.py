"""What a ``.tflite`` file says of itself, read from its flatbuffer without running it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from smartwatts_ml.errors import naming
from smartwatts_ml.kinds.details import Said
from smartwatts_ml.modelfiles.litert import damage_named, read_details

__all__ = ["FileDescription", "TensorDescription", "describe_file"]


@dataclass(frozen=True)
class TensorDescription:
    """An input or output: its name in the signature, shape, and type (``float32``)."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class FileDescription:
    """A file's interface. ``size`` in bytes; ``details``: the embedded metadata, empty where
    there is none; ``operators`` counts the operations of the main graph; ``contract``: the
    agreement of what inputs and outputs mean that it was made for, 0 where it has no details."""

    size: int
    sha256: str
    inputs: tuple[TensorDescription, ...]
    outputs: tuple[TensorDescription, ...]
    operators: int
    contract: int
    details: dict[str, Any]


def describe_file(content: bytes, name: str = "model.tflite") -> FileDescription:
    """Read a file's interface and metadata. Raises BadInputError where it is not one."""
    with damage_named(name):
        details = read_details(content, name)
        with naming(name):
            said = Said.read(details)
        model = schema.Model.GetRootAs(content, 0)
        graph = model.Subgraphs(0)
        inputs = {graph.Inputs(i): "" for i in range(graph.InputsLength())}
        outputs = {graph.Outputs(i): "" for i in range(graph.OutputsLength())}
        if model.SignatureDefsLength():
            signature = model.SignatureDefs(0)
            inputs |= _names([signature.Inputs(i) for i in range(signature.InputsLength())])
            outputs |= _names([signature.Outputs(i) for i in range(signature.OutputsLength())])
        return FileDescription(
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            inputs=tuple(_describe(graph.Tensors(i), name) for i, name in inputs.items()),
            outputs=tuple(_describe(graph.Tensors(i), name) for i, name in outputs.items()),
            operators=graph.OperatorsLength(),
            contract=said.contract if details else 0,
            details=details,
        )


def _names(tensor_maps: list[Any]) -> dict[int, str]:
    return {item.TensorIndex(): item.Name().decode() for item in tensor_maps}


def _describe(tensor: Any, name: str) -> TensorDescription:
    types = {value: key.lower() for key, value in vars(schema.TensorType).items()}
    shape = tuple(int(tensor.Shape(i)) for i in range(tensor.ShapeLength()))
    return TensorDescription(name or tensor.Name().decode(), shape, types[tensor.Type()])
