"""What is put on top of a network that was trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

__all__ = ["put_on_top"]

_Change = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]


def put_on_top(network: keras.Model, change: _Change) -> keras.Model:
    """The network with other outputs: ``change`` gives them, from its inputs and outputs by name.

    They are computed in a model inside of the network. A network that was read from a file has
    operations of the very names that Keras gives to new ones in this process, and no two of a
    model may have one name.
    """
    inputs_by_name, outputs_by_name = (
        _tensors(network.input, "input"),
        _tensors(network.output, "output"),
    )
    stand_ins = {
        name: keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
        for name, tensor in {**inputs_by_name, **outputs_by_name}.items()
    }
    inputs = {name: stand_ins[f"input_{name}"] for name in network.input}
    outputs = {name: stand_ins[f"output_{name}"] for name in network.output}
    depth = sum(layer.name.startswith("on_top_") for layer in network.layers)
    top = keras.Model(stand_ins, change(inputs, outputs), name=f"on_top_{depth}")
    return keras.Model(network.input, top({**inputs_by_name, **outputs_by_name}), name=network.name)


def _tensors(tensors: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {f"{prefix}_{name}": tensor for name, tensor in tensors.items()}
