"""What a training hands to a later one that is to go as it went, on more readings.

A training holds readings back: early stopping watches them, and intervals and cuts are chosen by
them. For forecasts and appliances those are the newest, and they teach nothing. A refit is
there for the newest readings; it trains for as many epochs as were best then and takes over what
was chosen then, so that it can learn from all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.jsontext import parsed

__all__ = ["best_epoch", "read_recipe"]

_T = TypeVar("_T")


def read_recipe(cls: type[_T], recipe: Mapping[str, Any]) -> _T | None:
    """The recipe as its kind has it; None where there is none. Raises BadInputError where it
    does not fit."""
    if not recipe:
        return None
    try:
        return parsed(cls, recipe)
    except ValueError as error:
        raise BadInputError(f"the recipe of the judged training does not fit: {error}") from error


def best_epoch(log: Sequence[Mapping[str, float]]) -> int:
    """The first epoch with the smallest loss on what was held back, counted from 1; the last
    where that is not known of any.

    >>> best_epoch([{"validation_loss": 2.0}, {"validation_loss": 1.0}, {"validation_loss": 1.0}])
    2
    >>> best_epoch([{"loss": 2.0}, {"validation_loss": float("nan")}])
    2
    """
    losses = [row.get("validation_loss", math.nan) for row in log]
    known = [(loss, epoch) for epoch, loss in enumerate(losses, 1) if math.isfinite(loss)]
    return min(known)[1] if known else len(log)
