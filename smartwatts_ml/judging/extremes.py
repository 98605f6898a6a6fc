"""Inputs that no training shows and every gateway meets: outputs have to stay finite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from smartwatts_ml.gate import Check
from smartwatts_ml.kinds.base import Kind, Network
from smartwatts_ml.kinds.details import shipped_outputs

__all__ = ["check_extremes"]

_HUGE_W = 1e6
_CONSTANT_W = 500.0
_Inputs = Mapping[str, np.ndarray]


def _extremes(sample: Callable[[int], _Inputs], readings: str) -> Iterator[tuple[str, _Inputs]]:
    """Names and inputs, one window each. ``sample``: realistic inputs for a seed;
    ``readings``: name of the input that carries them, shape (1, n, channels)."""
    device, other = sample(0), sample(1)
    power = device[readings]
    swapped = power.copy()
    half = power.shape[1] // 2
    swapped[:, half:] = other[readings][:, half:]
    for name, values in (
        ("all zero", np.zeros_like(power)),
        ("all missing", np.full_like(power, np.nan)),
        ("huge", np.full_like(power, _HUGE_W)),
        ("constant", np.full_like(power, _CONSTANT_W)),
        ("one device swapped for another", swapped),
    ):
        yield name, {**device, readings: values}


def check_extremes(kind: Kind, network: Network) -> Check:
    """Whether every output is finite on every extreme."""
    details = kind.read_details(network.details)
    readings = details.inputs[0].name
    broken = [
        name
        for name, inputs in _extremes(
            lambda seed: kind.work.sample_inputs(details, 1, seed), readings
        )
        if not all(
            np.isfinite(output).all()
            for output in shipped_outputs(network.details, network(inputs)).values()
        )
    ]
    if broken:
        return Check("extremes", False, f"outputs are not finite on inputs: {', '.join(broken)}")
    return Check("extremes", True, "outputs are finite on extreme inputs")
