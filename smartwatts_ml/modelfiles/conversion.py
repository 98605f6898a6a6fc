"""Keras to LiteRT: fixed shapes, named inputs and outputs, checked and never trusted.

The recipe is ``keras.export.ExportArchive`` with a fixed (1, …) signature, then the
converter's saved-model path. Other paths were seen to drop the weights without an error,
so every file is run and compared with its Keras model before it is returned.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from smartwatts_ml.errors import BadInputError, SmartwattsError, UsageError, naming
from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.base import Details, Network
from smartwatts_ml.kinds.details import QUANTIZATIONS, shipped_outputs
from smartwatts_ml.modelfiles.apart import apart
from smartwatts_ml.modelfiles.litert import LiteRTNetwork, embed_details
from smartwatts_ml.modelfiles.networks import KerasNetwork, load_network, read_model_file

if TYPE_CHECKING:
    import keras

__all__ = [
    "Converted",
    "ParityError",
    "Quantization",
    "convert_file",
    "convert_network",
    "generic_samples",
    "measure_latency_ms",
    "serve_conversion",
]

Quantization = Literal["auto", "none", "dynamic", "float16"]
"""``auto``: the smallest of what the kind offers that computes what Keras computes. Integers all
through (``int8``) are not offered: they have no value for a reading that is missing."""
_PARITY_TOLERANCE = {"none": 0.002, "float16": 0.01, "dynamic": 0.03}
"""Largest mean absolute difference from Keras, as a share of the output's own spread."""

_SAMPLES = 64
_CONVERT = "smartwatts_ml.modelfiles.conversion:serve_conversion"
_CONVERTER = "smartwatts_ml.modelfiles.keras_files:converter"
_INPUT_SPECS = "smartwatts_ml.modelfiles.keras_files:input_specs"
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


def convert_network(
    network: Network,
    samples: _Samples,
    quantization: str,
    offered: Sequence[str] = QUANTIZATIONS,
) -> Converted:
    """Convert and check; ``auto`` is the smallest of ``offered`` that passes.

    ``samples``: realistic inputs by name, shape (n, …). Raises UsageError for a quantization that
    is not offered, ParityError if the weights did not arrive, an output is not finite or the
    parity is out of bounds, and BadInputError for a network that no file can be made of.
    """
    if quantization not in ("auto", *offered):
        model = network.details.get("model", "it")
        raise UsageError(
            f"quantization {quantization!r} is not offered for {model}, whose file would not "
            "compute what Keras computes",
            fix=f"one of {', '.join(('auto', *offered))}",
        )
    reference = shipped_outputs(network.details, network(samples))
    passed, failures = [], []
    with resolve_name(_CONVERTER)(_model_of(network)) as convert:
        for candidate in offered if quantization == "auto" else (quantization,):
            content = embed_details(convert(candidate), network.details)
            try:
                passed.append(_checked(content, samples, reference, candidate))
            except ParityError as error:
                failures.append(f"{candidate}: {error}")
    if not passed:
        raise ParityError("; ".join(failures))
    return min(passed, key=lambda converted: len(converted.content))


def convert_file(path: Path, quantization: str, seed: int) -> Converted:
    """Convert a Keras file of anybody's in a process of its own, with samples of the kind that
    it says it is of. Raises as ``convert_network``, and BadInputError where it is no such file or
    crashes TensorFlow."""
    content, name = read_model_file(path), str(path)
    with apart(name, _CONVERT, content, name, quantization, seed) as ask:
        converted: Converted = ask(None)
    return converted


def serve_conversion(
    content: bytes, name: str, quantization: str, seed: int
) -> Iterator[Converted]:
    """For ``apart``: the converted file."""
    network = load_network(content, name)
    with naming(name):
        offered: Sequence[str] = QUANTIZATIONS
        if network.details:
            kind = find_kind(Details.read(network.details).kind)
            samples = kind.work.sample_inputs(kind.read_details(network.details), _SAMPLES, seed)
            offered = kind.quantizations
        else:
            samples = generic_samples(network, _SAMPLES, seed)
        yield convert_network(network, samples, quantization, offered)


def generic_samples(network: Network, count: int, seed: int) -> dict[str, np.ndarray]:
    """Inputs for a model that says nothing of itself: watt-sized and positive. Raises
    BadInputError for a model that no file can be made of."""
    rng = np.random.default_rng(seed)
    return {
        spec.name: rng.gamma(1.0, 300.0, (count, *spec.shape[1:])).astype(np.float32)
        for spec in resolve_name(_INPUT_SPECS)(_model_of(network))
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
            f"output {worst} differs from Keras by {parity[worst]:.1%} of its "
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
            raise ParityError(f"output {name} is constant in the file, and not in Keras")
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
