"""Windows slid over a whole series and put together again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["slide"]

_Forward = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
_CHUNK = 256
"""Windows that are computed at once; bounds memory on years of readings."""


def slide(
    forward: _Forward, mains: np.ndarray, window: int, appliances: int
) -> tuple[np.ndarray, np.ndarray]:
    """Power in W and on-probability of every sample, each (n, appliances) float32.

    ``forward`` maps windows of shape (m, window) to both, (m, window, appliances). Half
    of each window overlaps the next; samples near a window's centre weigh most. NaN where
    mains is missing.
    """
    stride = window // 2
    count = int(np.ceil(len(mains) / stride)) + 1
    padded = np.full((count + 1) * stride, np.nan, np.float32)
    padded[stride : stride + len(mains)] = mains
    weight = np.bartlett(window + 2)[1:-1].astype(np.float32)[:, None]
    starts = np.arange(count) * stride
    starts = starts[[bool(np.isfinite(padded[s : s + window]).any()) for s in starts]]
    total = [np.zeros((len(padded), appliances), np.float32) for _ in range(2)]
    weights = np.zeros((len(padded), 1), np.float32)
    for first in range(0, len(starts), _CHUNK):
        chosen = starts[first : first + _CHUNK]
        parts = forward(padded[chosen[:, None] + np.arange(window)])
        for i, start in enumerate(chosen):
            weights[start : start + window] += weight
            for whole, part in zip(total, parts, strict=True):
                whole[start : start + window] += part[i] * weight
    inside = slice(stride, stride + len(mains))
    missing = ~np.isfinite(mains)
    power, on = (whole[inside] / np.maximum(weights[inside], 1e-9) for whole in total)
    power[missing], on[missing] = np.nan, np.nan
    return power, on
