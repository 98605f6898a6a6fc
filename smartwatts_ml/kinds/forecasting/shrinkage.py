"""What a forecast is drawn to, so that no home regrets the network.

Far ahead a network says more than the readings hold. So a file's forecast is a mix of the
network's quantiles and those of two plain forecasts from the same context: the mean of the same
hour of the week, and the median of the hour of the day. Weights are not negative and sum to 1, as
in stacked regressions (Breiman 1996); they are those of the least pinball loss on readings that
taught the network nothing, the same for all quantiles, so that these cannot cross (Fakoor et al.
2023, flexible model aggregation for quantile regression). A context whose weeks repeat, as those
of buildings do, has other weights than one whose weeks do not, with straight lines between.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from keras import ops
from scipy.optimize import minimize

from smartwatts_ml.kinds.base import Tensor
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_DAYS, CONTEXT_WEEKS
from smartwatts_ml.kinds.forecasting.metrics import QUANTILES

__all__ = ["EXPERTS", "Shrinkage", "columns", "fit_shrinkage"]

EXPERTS = ("network", "hour of the week", "hour of the day")
_REGULAR, _IRREGULAR = 0.6, (CONTEXT_WEEKS / (CONTEXT_WEEKS - 1)) ** 0.5
"""How far a week lies from the mean of the others, as a multiple of how far days lie from the
median of all: where weeks repeat, and where a day is as like any other as its own weekday."""
_WIDER = (CONTEXT_WEEKS + 1) / (CONTEXT_WEEKS - 1)
"""A week is part of the mean that it is compared with, which makes variances smaller by this."""
_TINY = 1e-6


@dataclass(frozen=True)
class Shrinkage:
    """``weights`` of ``EXPERTS``, (2, 3): where weeks repeat, and where they do not."""

    weights: np.ndarray

    def mix(self, parts: Tensor) -> Tensor:
        """``columns`` to quantiles, W, (b, horizon, 3)."""
        weights = np.asarray(self.weights, np.float32).reshape(1, 1, -1, 1)
        return ops.sum(parts * weights, 2)


def columns(network: Tensor, context: Tensor) -> Tensor:
    """What is mixed, (b, horizon, 6, 3): the quantiles of each expert, as far as the weeks of a
    context repeat, and as far as they do not. ``network`` (b, horizon, 3), W; ``context``
    (b, 28, 24), W, without gaps."""
    horizon = network.shape[1]
    weeks = ops.reshape(context, (-1, CONTEXT_WEEKS, 7, 24))
    of_week = ops.mean(weeks, 1, keepdims=True)
    ranked = ops.sort(ops.transpose(context, (0, 2, 1)), 2)
    days = [_at(ranked, level) for level in QUANTILES]
    errors = ops.reshape((weeks - of_week) * _WIDER**0.5, (-1, CONTEXT_DAYS, 24))
    errors = ops.sort(ops.transpose(errors, (0, 2, 1)), 2)
    low, high = -ops.relu(-_at(errors, QUANTILES[0])), ops.relu(_at(errors, QUANTILES[2]))
    centre = _repeat(ops.reshape(of_week, (-1, 168)), horizon)
    by_week = ops.stack(
        [centre + _repeat(low, horizon), centre, centre + _repeat(high, horizon)], 2
    )
    by_day = ops.stack([_repeat(day, horizon) for day in days], 2)
    experts = ops.stack([network, by_week, by_day], 2)
    share = _irregularity(weeks, context, days[1])
    return ops.concatenate([experts * (1.0 - share), experts * share], 2)


def _at(ranked: Tensor, level: float) -> Tensor:
    """Quantile of sorted values along the last axis of (b, 24, n), shape (b, 24)."""
    rank = level * (ranked.shape[2] - 1)
    first = int(rank)
    share = rank - first
    return ranked[:, :, first] * (1.0 - share) + ranked[:, :, first + 1] * share


def _repeat(values: Tensor, hours: int) -> Tensor:
    """Repeat (b, n) to (b, hours)."""
    return ops.concatenate([values] * -(-hours // values.shape[1]), 1)[:, :hours]


def _irregularity(weeks: Tensor, context: Tensor, median: Tensor) -> Tensor:
    """From 0 where weeks repeat to 1 where they do not, (b, 1, 1, 1)."""
    others = (ops.sum(weeks, 1, keepdims=True) - weeks) / (CONTEXT_WEEKS - 1)
    of_weeks = ops.sum(ops.abs(weeks - others), (1, 2, 3))
    of_days = ops.sum(ops.abs(context - ops.expand_dims(median, 1)), (1, 2))
    ratio = of_weeks / (of_days + _TINY)
    share = ops.relu(ratio - _REGULAR) / (_IRREGULAR - _REGULAR)
    return ops.reshape(ops.minimum(share, 1.0), (-1, 1, 1, 1))


def fit_shrinkage(parts: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> Shrinkage:
    """The mix with the least pinball loss: ``parts`` as of ``columns`` (n, horizon, 6, 3) and
    ``truth`` (n, horizon), W, NaN where missing; ``weights`` (n,) of the windows.

    >>> good, bad = np.array([4.0, 5.0, 6.0]), np.array([0.0, 9.0, 9.0])
    >>> experts = np.stack([bad, good, bad]) * np.ones((8, 1, 1, 1))
    >>> regular = np.concatenate([experts, 0 * experts], 2)
    >>> fit_shrinkage(regular, np.full((8, 1), 5.0), np.ones(8)).weights.round(2) + 0.0
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    known = np.isfinite(truth)
    said, goal = parts[known].astype(np.float64), truth[known][:, None]
    mass = np.broadcast_to(weights[:, None], truth.shape)[known][:, None]
    mass = mass / max(float((mass * np.abs(goal)).sum()), _TINY)
    levels = np.array(QUANTILES)

    def loss(shares: np.ndarray) -> tuple[float, np.ndarray]:
        """With its slope by ``shares`` (6,)."""
        error = goal - np.einsum("ncq,c->nq", said, shares)
        slope = mass * ((error < 0) - levels)
        return float(-(error * slope).sum()), np.einsum("ncq,nq->c", said, slope)

    groups = np.kron(np.eye(2), np.ones(len(EXPERTS)))
    found = minimize(
        loss,
        np.tile([1.0, *[0.0] * (len(EXPERTS) - 1)], 2),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * groups.shape[1],
        constraints={"type": "eq", "fun": lambda x: groups @ x - 1.0, "jac": lambda _: groups},
    )
    shares = np.clip(found.x.reshape(2, -1), 0.0, None)
    return Shrinkage(shares / shares.sum(1, keepdims=True))
