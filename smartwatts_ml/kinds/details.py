"""What a model file says of itself: plain JSON that is embedded in it, read as values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smartwatts_ml.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["LOCAL_HOURS", "Details", "TensorDetails", "left_out_lines", "shipped_outputs"]

LOCAL_HOURS = (
    "hours of the site's wall clock: one that it skips is missing, one that it repeats is the mean "
    "of both"
)
"""What the cells of an input are, where they are not of real time."""


class TensorDetails(BaseModel):
    """An input or output of a network. ``shape``: with the batch of 1; ``unit``, what a
    missing value is (``nan``), what ``cells`` its values are means over, and the names along the
    last axis, where these are told; ``left_out``: ranges along the second axis that are NaN
    always, end exclusive."""

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
    left_out: tuple[tuple[int, int], ...] | None = None

    def kept(self, values: np.ndarray) -> np.ndarray:
        """Of an output, shape (count, n, …), what is not left out."""
        if not self.left_out:
            return values
        absent = {place for first, end in self.left_out for place in range(first, end)}
        return values[:, [place for place in range(values.shape[1]) if place not in absent]]


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
    left_out: dict[str, str] = {}
    """Parts that were not better than their own baseline, each with the reason."""
    quantizations: tuple[str, ...] | None = None
    """Those that keep what the network promises of its outputs; None: all do."""

    def lacks(self, parts: Collection[str]) -> frozenset[str]:
        """Which of the parts the file does not give."""
        return frozenset(parts) & self.left_out.keys()

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


def shipped_outputs(
    embedded: Mapping[str, Any], outputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Outputs without what the details, plain JSON, say is left out and therefore NaN."""
    tensors = (TensorDetails.model_validate(tensor) for tensor in embedded.get("outputs", ()))
    by_name = {tensor.name: tensor for tensor in tensors}
    return {
        name: by_name[name].kept(values) if name in by_name else values
        for name, values in outputs.items()
    }


def left_out_lines(said: Mapping[str, Any]) -> list[str]:
    """A line for each part that a file's details, or the decision on it, say is left out.

    >>> left_out_lines({"left_out": {"microwave": "F1 0 against 0.04 of mean_power"}})
    ['microwave is left out: F1 0 against 0.04 of mean_power']
    """
    return [f"{name} is left out: {reason}" for name, reason in said.get("left_out", {}).items()]
