"""What of a context can be trusted, decided inside the network's graph.

Gaps are missing already. An hour that belongs to a run of equal readings is taken as
missing too, unless the same hour is often flat in this context (a solar home at night);
so a dead meter, an outage and fill in a file say nothing. A reading far above what all
but two days reached, or far below, is brought down to a multiple of that.
"""

from __future__ import annotations

from dataclasses import dataclass

from keras import ops

from smartwatts_ml.kinds.base import Tensor

__all__ = ["CleanContext", "clean", "compress", "expand"]

_RUN_HOURS = 5
"""Equal readings in a row that make a run."""
_FLAT_W = 1e-3
"""Readings that differ by less than this share of the mean are equal."""
_USUAL_SHARE = 0.25
"""An hour of the day that is flat on more days than this is meant to be flat."""
_EXTREME_DAYS = 2
"""Days whose extremes may be freaks."""
_EXTREME_FACTOR = 1.5


@dataclass(frozen=True)
class CleanContext:
    """Cleaned power, (b, days, 24): ``z`` compressed, 0 where missing; ``present`` 1 or 0.
    ``scale`` (b, 1), W: mean magnitude of the power."""

    z: Tensor
    present: Tensor
    scale: Tensor


def compress(power_w: Tensor, scale: Tensor) -> Tensor:
    """Signed logarithm of power relative to ``scale``."""
    return ops.log1p(ops.relu(power_w) / scale) - ops.log1p(ops.relu(-power_w) / scale)


def expand(compressed: Tensor, scale: Tensor) -> Tensor:
    """Inverse of ``compress``, W."""
    return (ops.exp(ops.relu(compressed)) - ops.exp(ops.relu(-compressed))) * scale


def clean(history_w: Tensor) -> CleanContext:
    """``history_w`` (b, days * 24, 1), W, NaN where missing."""
    days = history_w.shape[1] // 24
    known = ops.equal(history_w, history_w)
    power = ops.where(known, history_w, 0.0)
    present = ops.where(known, 1.0, 0.0)[:, :, 0]
    power, present = _without_runs(power[:, :, 0], present)
    power = ops.reshape(power, (-1, days, 24))
    present = ops.reshape(present, (-1, days, 24))
    high = _limit(ops.relu(power), present)
    low = _limit(ops.relu(-power), present)
    power = ops.maximum(ops.minimum(power, high), -low)
    count = ops.maximum(ops.sum(present, (1, 2)), 1.0)
    scale = ops.expand_dims(ops.sum(ops.abs(power), (1, 2)) / count + 1.0, 1)
    return CleanContext(compress(power, ops.expand_dims(scale, 2)), present, scale)


def _without_runs(power: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Power (b, n) and presence with unusual runs of equal readings taken out."""
    hours = power.shape[1]
    mean = ops.sum(ops.abs(power), 1, keepdims=True) / ops.maximum(
        ops.sum(present, 1, keepdims=True), 1.0
    )
    step = ops.abs(power[:, 1:] - power[:, :-1])
    equal = ops.where(step <= _FLAT_W * mean, present[:, 1:] * present[:, :-1], 0.0)
    # A run begins where enough steps in a row are equal, and spreads over its hours.
    steps = _RUN_HOURS - 1
    begins = equal[:, : hours - steps]
    for shift in range(1, steps):
        begins = begins * equal[:, shift : hours - steps + shift]
    pad = [[0, 0], [steps, steps]]
    padded = ops.pad(begins, pad)
    flat = padded[:, :hours]
    for shift in range(1, steps + 1):
        flat = ops.maximum(flat, padded[:, shift : hours + shift])
    by_day = ops.reshape(flat, (-1, hours // 24, 24))
    seen = ops.reshape(present, (-1, hours // 24, 24))
    share = ops.sum(by_day, 1, keepdims=True) / ops.maximum(ops.sum(seen, 1, keepdims=True), 1.0)
    doubtful = ops.reshape(by_day * ops.where(share <= _USUAL_SHARE, 1.0, 0.0), (-1, hours))
    kept = present * (1.0 - doubtful)
    return power * kept, kept


def _limit(size: Tensor, present: Tensor) -> Tensor:
    """Largest plausible magnitude, (b, 1, 1): a multiple of the third-largest daily
    maximum. Days without readings count as average ones."""
    seen = ops.max(present, 2)
    peaks = ops.max(size, 2) * seen
    average = ops.sum(peaks, 1, keepdims=True) / ops.maximum(ops.sum(seen, 1, keepdims=True), 1.0)
    ranked = ops.sort(ops.where(seen > 0, peaks, average), axis=1)
    last = ranked.shape[1] - 1 - _EXTREME_DAYS
    return ops.expand_dims(_EXTREME_FACTOR * ranked[:, last : last + 1], 2)
