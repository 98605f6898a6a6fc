"""Early stopping for loops that are written by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

__all__ = ["BestEpoch"]


class BestEpoch:
    """The weights of the epoch with the lowest score so far."""

    def __init__(self, model: keras.Model, patience: int) -> None:
        self._model, self._patience = model, patience
        self._score, self._weights, self._waited = math.inf, model.get_weights(), 0

    def goes_on(self, score: float) -> bool:
        """Look at the model after an epoch; False after ``patience`` epochs without gain."""
        self._waited += 1
        if score < self._score:
            self._score, self._weights, self._waited = score, self._model.get_weights(), 0
        return self._waited < self._patience

    def restore(self) -> None:
        """Put the best weights into the model."""
        self._model.set_weights(self._weights)
