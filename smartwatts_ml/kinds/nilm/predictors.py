"""What turns a site's mains into the power of its appliances: the network, two baselines."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from smartwatts_ml.kinds.base import Network
from smartwatts_ml.kinds.nilm.details import NilmDetails
from smartwatts_ml.kinds.nilm.events import keep_activations
from smartwatts_ml.kinds.nilm.sliding import slide

__all__ = [
    "CombinatorialOptimisation",
    "MeanPower",
    "NetworkPredictor",
    "NilmPredictor",
    "within_mains",
]

_CHUNK = 65_536
_ROOM_W = 20.0
"""Appliances' meters and mains differ by this much without anybody being wrong."""


class NilmPredictor(Protocol):
    """Knows some appliances and estimates their power."""

    @property
    def appliances(self) -> tuple[str, ...]: ...

    def power(self, mains: np.ndarray) -> np.ndarray:
        """W, shape (n, n_appliances), from mains of shape (n,); NaN where mains is NaN."""


class NetworkPredictor:
    """A network, slid over the series. No power without on-state; where either of the two is
    not finite, the power is NaN."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.details = NilmDetails.read(network.details)
        self.appliances = self.details.appliances
        self._cuts = np.array([self.details.on_cuts[name] for name in self.appliances])

    def outputs(self, mains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Power in W and on-probability as the network gives them, (n, n_appliances) each, from
        mains of shape (n,)."""
        return slide(self._forward, mains, self.details.window, len(self.appliances))

    def power(self, mains: np.ndarray) -> np.ndarray:
        details = self.details
        power, on = self.outputs(mains)
        finite = np.isfinite(on) & np.isfinite(power)
        power = np.where(finite, np.where(on < self._cuts, 0.0, power), np.nan)
        power = within_mains(power, mains)
        return keep_activations(power, self.appliances, details.durations, details.period_s)

    def _forward(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = self._network({"mains_w": windows[..., None]})
        return outputs["power_w"], outputs["on_probability"]


def within_mains(power: np.ndarray, mains: np.ndarray) -> np.ndarray:
    """The same power, scaled down where the sum of appliances exceeds mains.

    ``power``: W, shape (n, n_appliances); ``mains``: W, shape (n,). Where mains is below
    ``_ROOM_W`` (panels feed in) it says nothing about the sum.

    >>> within_mains(np.array([[900.0, 300.0]]), np.array([1000.0])).round(1).tolist()
    [[765.0, 255.0]]
    """
    total = power.sum(axis=1)
    most = np.where(mains > _ROOM_W, mains + _ROOM_W, np.inf)
    return np.asarray(power * np.minimum(1.0, most / np.maximum(total, 1e-9))[:, None])


@dataclass(frozen=True)
class MeanPower:
    """Every appliance always draws its mean power over the training readings (W)."""

    appliances: tuple[str, ...]
    means: np.ndarray

    def power(self, mains: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(mains)[:, None], self.means, np.nan)


class CombinatorialOptimisation:
    """The combination of appliance states whose sum is nearest to mains (Hart 1992).

    ``states``: for each appliance its levels in W, the first of them off. ``base``: what
    nothing sub-metered explains, W.
    """

    def __init__(self, appliances: tuple[str, ...], states: list[np.ndarray], base: float) -> None:
        self.appliances = appliances
        combinations = np.array(list(itertools.product(*states)), float)
        totals = combinations.sum(axis=1) + base
        order = np.argsort(totals, kind="stable")
        self._combinations, self._totals = combinations[order], totals[order]

    def power(self, mains: np.ndarray) -> np.ndarray:
        result = np.full((len(mains), len(self.appliances)), np.nan)
        known = np.flatnonzero(np.isfinite(mains))
        middles = (self._totals[1:] + self._totals[:-1]) / 2
        for first in range(0, len(known), _CHUNK):
            rows = known[first : first + _CHUNK]
            result[rows] = self._combinations[np.searchsorted(middles, mains[rows])]
        return result
