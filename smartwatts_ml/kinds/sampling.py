"""Sites that are trained on, where there are more than fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

__all__ = ["sampled"]

_T = TypeVar("_T")


def sampled(items: Sequence[_T], count: int, seed: int) -> list[_T]:
    """All of them; of more than ``count``, a seeded sample, in their order.

    >>> sampled("abcdef", 3, seed=1)
    ['b', 'c', 'e']
    """
    if len(items) <= count:
        return list(items)
    rows = np.random.default_rng(seed).choice(len(items), count, replace=False)
    return [items[row] for row in np.sort(rows)]
