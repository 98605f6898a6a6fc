"""What a model file says of itself: plain JSON that is embedded in it, read as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smartwatts_ml.errors import BadInputError

__all__ = ["LOCAL_HOURS", "Details", "TensorDetails"]

LOCAL_HOURS = (
    "hours of the site's wall clock: one that it skips is missing, one that it repeats is the mean "
    "of both"
)
"""What the cells of an input are, where they are not of real time."""


class TensorDetails(BaseModel):
    """An input or output of a network. ``shape``: with the batch of 1; ``unit``, what a
    missing value is (``nan``), what ``cells`` its values are means over, and the names along the
    last axis, where these are told."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    shape: tuple[int, ...]
    dtype: str | None = None
    unit: str | None = None
    period_s: int | None = None
    missing: str | None = None
    cells: str | None = None
    channels: tuple[str, ...] | None = None
    quantiles: tuple[float, ...] | None = None


class Details(BaseModel):
    """All that is needed beside the weights to use a network; a kind adds its own. What a
    file says beyond that (its run, its snapshot) is kept. ``contract``: which agreement of
    what inputs and outputs mean the file was made for; those that do not say are of the first."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: str
    model: str
    contract: int = Field(1, ge=1)
    inputs: tuple[TensorDetails, ...]
    outputs: tuple[TensorDetails, ...]

    @classmethod
    def read(cls, embedded: Mapping[str, Any]) -> Self:
        """From what a file has embedded. Raises BadInputError, saying what it lacks."""
        try:
            return cls.model_validate(embedded)
        except ValidationError as error:
            faults = {".".join(map(str, e["loc"])) or "details": e["msg"] for e in error.errors()}
            lacking = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
            raise BadInputError(f"it lacks what using it needs ({lacking})") from error

    def to_json(self) -> dict[str, Any]:
        """What is embedded: what was told, and nothing that was not."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)
