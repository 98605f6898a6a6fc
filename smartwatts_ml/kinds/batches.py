"""Batches of one size, since Keras traces a network anew for each size that it meets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = ["whole_batches"]


def whole_batches(count: int, size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Rows of each batch, shape (size,), and how many of them count: the last batch is filled
    up with its last row.

    >>> [(rows.tolist(), counting) for rows, counting in whole_batches(5, 3)]
    [([0, 1, 2], 3), ([3, 4, 4], 2)]
    """
    for start in range(0, count, size):
        yield np.arange(start, start + size).clip(max=count - 1), min(size, count - start)
