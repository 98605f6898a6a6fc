"""Keras to LiteRT: fixed shapes, named inputs and outputs, checked and never trusted.

The recipe is ``keras.export.ExportArchive`` with a fixed (1, …) signature, then the
converter's saved-model path. Other paths were seen to drop the weights without an error,
so every file is run and compared with its Keras model before it is returned.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from smartwatts_ml.errors import BadInputError, SmartwattsError, UsageError
from smartwatts_ml.kinds.base import Network
from smartwatts_ml.kinds.details import shipped_outputs
from smartwatts_ml.modelfiles.litert import LiteRTNetwork, embed_details
from smartwatts_ml.modelfiles.networks import KerasNetwork

if TYPE_CHECKING:
    import keras

__all__ = [
    "Converted",
    "ParityError",
    "Quantization",
    "convert_network",
    "generic_samples",
    "measure_latency_ms",
]

Quantization = Literal["auto", "none", "dynamic", "float16", "int8"]
"""``auto``: the smallest of dynamic, float16 and none that computes what Keras computes, and keeps
what the network promises."""
_AUTO = ("dynamic", "float16", "none")
_PARITY_TOLERANCE = {"none": 0.002, "float16": 0.01, "dynamic": 0.03, "int8": 0.03}
"""Largest mean absolute difference from Keras, as a share of the output's own spread."""

_CONVERTER = "smartwatts_ml.modelfiles.keras_files:converter"
"""What loads TensorFlow."""

_Samples = Mapping[str, np.ndarray]


class ParityError(SmartwattsError):
    """A converted file does not compute what its Keras model computes."""


@dataclass(frozen=True)
class Converted:
    """A converted file. ``parity``: mean absolute difference from Keras by output, as a
    share of that output's spread. ``latency_ms``: median of a call on one core."""

    content: bytes
    quantization: str
    parity: dict[str, float]
    latency_ms: float

    def to_json(self) -> dict[str, Any]:
        """Everything but the content."""
        return {k: v for k, v in asdict(self).items() if k != "content"} | {
            "size": len(self.content)
        }


def convert_network(network: Network, samples: _Samples, quantization: str) -> Converted:
    """Convert and check; ``auto`` is the smallest that passes.

    ``samples``: realistic inputs by name, shape (n, …). Raises ParityError if the weights
    did not arrive, an output is not finite or the parity is out of bounds, and UsageError for a
    quantization that its details do not name as one that keeps what it promises.
    """
    kept = _kept(network, quantization)
    reference = shipped_outputs(network.details, network(samples))
    passed, failures = [], []
    with resolve_name(_CONVERTER)(_model_of(network)) as convert:
        for candidate in kept:
            content = embed_details(convert(samples, candidate), network.details)
            try:
                passed.append(_checked(content, samples, reference, candidate))
            except ParityError as error:
                failures.append(str(error))
    if not passed:
        raise ParityError("; ".join(failures))
    return min(passed, key=lambda converted: len(converted.content))


def _kept(network: Network, quantization: str) -> tuple[str, ...]:
    """What is tried."""
    known = get_args(Quantization)
    kept = network.details.get("quantizations") or known
    if quantization not in known:
        raise UsageError(f"no quantization {quantization!r}", fix=f"one of {', '.join(known)}")
    if quantization == "auto":
        return tuple(candidate for candidate in _AUTO if candidate in kept)
    if quantization not in kept:
        raise UsageError(
            f"{quantization} would break what a model of {network.details['kind']} promises of its "
            "outputs",
            fix=f"one of auto, {', '.join(kept)}",
        )
    return (quantization,)


def generic_samples(network: Network, count: int, seed: int) -> dict[str, np.ndarray]:
    """Inputs for a model that says nothing of itself: watt-sized and positive."""
    rng = np.random.default_rng(seed)
    return {
        tensor.name: rng.gamma(1.0, 300.0, (count, *tensor.shape[1:])).astype(np.float32)
        for tensor in _model_of(network).inputs
    }


def _model_of(network: Network) -> keras.Model:
    if not isinstance(network, KerasNetwork):
        raise BadInputError("only a Keras model can be converted", fix="give a .keras or .h5 file")
    return network.model


def _checked(
    content: bytes, samples: _Samples, reference: _Samples, quantization: str
) -> Converted:
    lite = LiteRTNetwork(content)
    parity = _parity(reference, shipped_outputs(lite.details, lite(samples)))
    worst = max(parity, key=lambda name: parity[name])
    if not parity[worst] <= _PARITY_TOLERANCE[quantization]:
        raise ParityError(
            f"{quantization}: output {worst} differs from Keras by {parity[worst]:.1%} of its "
            f"spread, {_PARITY_TOLERANCE[quantization]:.1%} is the bound"
        )
    return Converted(content, quantization, parity, measure_latency_ms(lite, samples))


def _parity(reference: _Samples, result: _Samples) -> dict[str, float]:
    if reference.keys() != result.keys():
        raise ParityError(f"outputs {sorted(result)} instead of {sorted(reference)}")
    parity = {}
    for name, expected in reference.items():
        if not np.isfinite(result[name]).all() or not np.isfinite(expected).all():
            raise ParityError(f"output {name} is not finite")
        spread = float(np.std(expected))
        difference = float(np.mean(np.abs(result[name] - expected)))
        parity[name] = difference / spread if spread > 1e-6 else difference
        if spread > 1e-6 and float(np.std(result[name])) < 1e-3 * spread:
            raise ParityError(f"output {name} is constant: the weights did not arrive")
    return parity


def measure_latency_ms(network: LiteRTNetwork, samples: _Samples, calls: int = 200) -> float:
    """Median time of a call of one window on one core, after a warm-up, in ms."""
    window = {name: array[:1] for name, array in samples.items()}
    times = []
    for _ in range(calls + 20):
        start = time.perf_counter()
        network(window)
        times.append(time.perf_counter() - start)
    return float(np.median(times[20:]) * 1000)
