"""Far ahead a forecast is drawn towards the usual day, where weeks do not repeat.

A network that has seen one spring says more of a month ahead than readings hold, and there the
median of the hour of the day over four weeks is hard to beat. A fixed share of it, the same for
all quantiles so that these cannot cross, is the least that can be chosen (combined forecasts:
Bates and Granger 1969; averaged quantiles: Lichtendahl, Grushka-Cockayne and Winkler 2013). A
context whose weeks repeat, as those of buildings do, keeps what the network says.
"""

from __future__ import annotations

from keras import ops

from smartwatts_ml.kinds.base import Tensor
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_WEEKS
from smartwatts_ml.kinds.forecasting.metrics import QUANTILES

__all__ = ["drawn_to_usual_day"]

_SHARE = 0.25
_REGULAR, _IRREGULAR = 0.6, (CONTEXT_WEEKS / (CONTEXT_WEEKS - 1)) ** 0.5
"""How far a week lies from the mean of the others, as a multiple of how far days lie from the
median of all: where weeks repeat, and where a day is as like any other as its own weekday."""
_TINY = 1e-6


def drawn_to_usual_day(quantiles: Tensor, context: Tensor) -> Tensor:
    """``quantiles`` (b, horizon, 3) with a share of the same quantiles of each hour of the day in
    ``context`` (b, 28, 24), without gaps; all compressed."""
    ranked = ops.sort(ops.transpose(context, (0, 2, 1)), 2)
    usual = ops.stack([_quantile(ranked, level) for level in QUANTILES], 2)
    share = _SHARE * _irregularity(context, usual[:, :, 1])
    horizon = quantiles.shape[1]
    usual = ops.concatenate([usual] * -(-horizon // 24), 1)[:, :horizon]
    return quantiles + (usual - quantiles) * share


def _quantile(ranked: Tensor, level: float) -> Tensor:
    """Of values sorted along the last axis of (b, 24, n), (b, 24)."""
    rank = level * (ranked.shape[2] - 1)
    first = int(rank)
    share = rank - first
    return ranked[:, :, first] * (1.0 - share) + ranked[:, :, first + 1] * share


def _irregularity(context: Tensor, median: Tensor) -> Tensor:
    """From 0 where weeks repeat to 1 where they do not, (b, 1, 1)."""
    weeks = ops.reshape(context, (-1, CONTEXT_WEEKS, 7 * 24))
    others = (ops.sum(weeks, 1, keepdims=True) - weeks) / (CONTEXT_WEEKS - 1)
    of_weeks = ops.sum(ops.abs(weeks - others), (1, 2))
    of_days = ops.sum(ops.abs(context - ops.expand_dims(median, 1)), (1, 2))
    share = ops.relu(of_weeks / (of_days + _TINY) - _REGULAR) / (_IRREGULAR - _REGULAR)
    return ops.reshape(ops.minimum(share, 1.0), (-1, 1, 1))
