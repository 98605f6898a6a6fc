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
    inputs, outputs = _by_name(network.input), _by_name(network.output)
    tensors = {
        **{f"input_{name}": tensor for name, tensor in inputs.items()},
        **{f"output_{name}": tensor for name, tensor in outputs.items()},
    }
    stand_ins = {
        name: keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
        for name, tensor in tensors.items()
    }
    changed = change(
        {name: stand_ins[f"input_{name}"] for name in inputs},
        {name: stand_ins[f"output_{name}"] for name in outputs},
    )
    depth = sum(layer.name.startswith("on_top_") for layer in network.layers)
    top = keras.Model(stand_ins, changed, name=f"on_top_{depth}")
    return keras.Model(network.input, top(tensors), name=network.name)


def _by_name(tensors: Any) -> Mapping[str, Any]:
    """Of a network with one tensor too, which has no dictionary."""
    return tensors if isinstance(tensors, Mapping) else {tensors.name: tensors}
