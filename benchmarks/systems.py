"""What the benchmarks compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["System"]


@dataclass(frozen=True)
class System:
    """A predictor with what it cost: CPU seconds of training, bytes, ms a call."""

    predictor: Any
    cpu_s: float | None = None
    size: int | None = None
    call_ms: float | None = None
