"""How long work says how far it is."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress"]

Progress = Callable[[str, float], None]
"""Called with a short text ("epoch 3/20, loss 0.12") and the share done in 0..1."""
