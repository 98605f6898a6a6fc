"""LiteRT files without a conversion, of tensors and at most one operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from smartwatts_ml.modelfiles.litert import embed_details
from tests.kinds.networks import embedded

__all__ = ["ABS", "FLOAT32", "NEG", "SQUARE", "kettle_file", "litert_file", "with_signature"]

FLOAT32 = schema.TensorType.FLOAT32
ABS, NEG, SQUARE = (getattr(schema.BuiltinOperator, name) for name in ("ABS", "NEG", "SQUARE"))
Shapes = Mapping[str, Sequence[int]]


def litert_file(
    inputs: Shapes,
    outputs: Shapes,
    details: Any = None,
    dtype: int = FLOAT32,
    inner: Shapes = MappingProxyType({}),
    operator: tuple[int | str, Any, int, int] | None = None,
) -> bytes:
    """A file with these inputs, outputs and ``inner`` tensors, which are numbered in this order;
    but for inputs and what the operator writes, all are ones.

    ``details``: what is embedded, any JSON. ``operator``: its code, or the name of a custom
    one, its options, and the numbers of what it reads and writes.
    """
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, graph.tensors = 3, [schema.BufferT()], []
    names = [*inputs, *outputs]
    shapes = [*inputs.values(), *outputs.values(), *inner.values()]
    for number, (name, shape) in enumerate(zip([*names, *inner], shapes, strict=True)):
        buffer = 0
        if number >= len(inputs) and not (operator and number == operator[3]):
            buffer = len(model.buffers)
            model.buffers.append(schema.BufferT())
            model.buffers[-1].data = np.ones(int(np.prod(shape)), np.float32).view(np.uint8)
        graph.tensors.append(_tensor(name, shape, dtype, buffer))
    graph.inputs, graph.outputs = [*range(len(inputs))], [*range(len(inputs), len(names))]
    graph.operators, model.operatorCodes, model.metadata = [], [], []
    if operator is not None:
        _put_operator(model, graph, *operator)
    signature = schema.SignatureDefT()
    named = [_named(name, number) for number, name in enumerate(names)]
    signature.inputs, signature.outputs = named[: len(inputs)], named[len(inputs) :]
    signature.signatureKey = b"serve"
    model.subgraphs, model.signatureDefs = [graph], [signature]
    content = _packed(model)
    return content if details is None else embed_details(content, details)


def kettle_file(code: int = ABS) -> bytes:
    """A file of NILM with one appliance: its power is what the operator makes of mains, and it is
    always on."""
    details = embedded("nilm", appliances=["kettle"])
    window = (1, details["window"], 1)
    outputs = {"power_w": window, "on_probability": window}
    return litert_file({"mains_w": window}, outputs, details, operator=(code, None, 0, 1))


def with_signature(content: bytes, there: bool) -> bytes:
    """The same file, without its signature where it is not to be ``there``."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    model.signatureDefs = model.signatureDefs if there else []
    return _packed(model)


def _packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _tensor(name: str, shape: Sequence[int], dtype: int, buffer: int) -> Any:
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.buffer = list(shape), dtype, buffer
    tensor.name = f"serve_{name}:0".encode()
    return tensor


def _put_operator(
    model: Any,
    graph: Any,
    code: int | str,
    options: Any,
    read: int,
    written: int,
) -> None:
    kernel, operator = schema.OperatorCodeT(), schema.OperatorT()
    if isinstance(code, str):
        kernel.customCode = code.encode()
        code = schema.BuiltinOperator.CUSTOM
    kernel.builtinCode, kernel.deprecatedBuiltinCode, kernel.version = code, min(code, 127), 1
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [read], [written]
    if options is not None:
        operator.builtinOptions = options
        operator.builtinOptionsType = getattr(
            schema.BuiltinOptions, type(options).__name__.removesuffix("T")
        )
    graph.operators, model.operatorCodes = [operator], [kernel]


def _named(name: str, number: int) -> Any:
    named = schema.TensorMapT()
    named.name, named.tensorIndex = name.encode(), number
    return named
