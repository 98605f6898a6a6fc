"""How far two networks are apart on the inputs of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from smartwatts_ml.kinds.base import Network
from smartwatts_ml.kinds.details import shipped_outputs

__all__ = ["Compared", "difference"]

_FLAT = 1e-6
_Moments = np.ndarray
"""Count, sum, sum of squares, sum of absolute differences."""


class Compared:
    """A network, beside a reference that is given the same inputs and has the same outputs.
    Whoever evaluates it sees the network alone."""

    def __init__(self, network: Network, reference: Network) -> None:
        self._network, self._reference = network, reference
        self._moments: dict[str, _Moments] = {}

    @property
    def details(self) -> Mapping[str, Any]:
        """Those of the network."""
        return self._network.details

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        outputs = self._network(inputs)
        ours = shipped_outputs(self.details, outputs)
        theirs = shipped_outputs(self._reference.details, self._reference(inputs))
        for name, expected in theirs.items():
            self._moments[name] = self._moments.get(name, np.zeros(4)) + _moments(
                ours[name], expected
            )
        return outputs

    def differences(self) -> dict[str, float]:
        """By output, the mean absolute difference over all inputs so far, as a share of the
        spread of the reference; NaN where it is not finite."""
        return {name: _share(moments) for name, moments in self._moments.items()}


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The same for two arrays of one shape.

    >>> round(difference(np.array([1.0, 1.0, 1.0]), np.array([1.0, 0.0, 2.0])), 3)
    0.816
    """
    return _share(_moments(ours, theirs))


def _moments(ours: np.ndarray, theirs: np.ndarray) -> _Moments:
    wide = theirs.astype(np.float64)
    apart = np.abs(ours.astype(np.float64) - wide)
    return np.array([wide.size, wide.sum(), np.square(wide).sum(), apart.sum()])


def _share(moments: _Moments) -> float:
    _, total, squares, apart = moments / moments[0]
    spread = float(np.sqrt(max(squares - total * total, 0.0)))
    return float(apart / spread) if spread > _FLAT else float(apart)
