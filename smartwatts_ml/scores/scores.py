"""What is scored: additive statistics by site and week, and the metrics that decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Criterion", "Floor", "Scores", "Table"]

Table = Mapping[str, Mapping[str, float]]
"""Values by row and column."""


@dataclass(frozen=True)
class Criterion:
    """One metric that the gate looks at.

    ``role`` "improve": must get better, beyond chance. "guard": must not get worse by more
    than ``tolerance`` (in the metric's unit, or as a share of the champion's value if
    ``relative``).
    """

    metric: str
    better: Literal["lower", "higher"]
    role: Literal["improve", "guard"]
    label: str
    tolerance: float = 0.0
    relative: bool = False


@dataclass(frozen=True)
class Floor:
    """A limit that a challenger has to keep whatever the champion does."""

    metric: str
    better: Literal["lower", "higher"]
    limit: float
    label: str


@dataclass(frozen=True)
class Scores:
    """Additive statistics of predictions against truth, a block for each site and week.

    ``sites``: str, shape (n_blocks,). ``weeks``: datetime64[D] of the Monday, same shape.
    ``sums``: float64, shape (n_blocks, n_channels, n_stats); blocks of two systems that
    were evaluated together are the same blocks in the same order. ``bands``: the same by
    band of local hours, where statistics belong to hours. ``targets``: digest of the
    windows that were scored and of their truth, equal for systems that saw the same.
    ``extra``: metrics of the whole that cannot be added up. ``record``: plain JSON too
    long to be shown.
    """

    channels: tuple[str, ...]
    stats: tuple[str, ...]
    sites: np.ndarray
    weeks: np.ndarray
    sums: np.ndarray
    bands: Mapping[str, np.ndarray] = field(default_factory=dict)
    targets: str = ""
    extra: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
