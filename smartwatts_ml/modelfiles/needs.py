"""What a file needs of a runtime, and a few inputs with the outputs that it has to give for them.

A manifest carries them, so they are signed with it, and whoever has a runtime (a pull, a
gateway's build, another release of LiteRT) can try the file on it. The inputs are made up: no
home's readings are among them. They are numbers in the order of memory (last axis fastest);
``[value, times]`` is a number that repeats, None a reading that is missing (NaN).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from smartwatts_ml.errors import BadInputError

__all__ = ["Deviation", "Needs", "OperatorUse", "Places", "Vector", "packed", "unpacked"]

_MOST_VECTORS = 16
_MOST_NUMBERS = 1 << 16
_REPEATS = 3
"""So many alike are written as a pair, which is shorter then."""
_Text = Annotated[str, Field(max_length=64)]
_Number = int | Annotated[str, Field(pattern=r"^-?[0-9]{1,40}(\.[0-9]{1,40})?$")]
"""A decimal string where it is not whole: signed documents have no floats."""
_Packed = list[_Number | tuple[_Number | None, int] | None]


@dataclass(frozen=True)
class OperatorUse:
    """An operator by its name and version in the schema of LiteRT, and how often it is there."""

    name: _Text
    version: int
    count: int


@dataclass(frozen=True)
class Places:
    """Of an output every so-manieth value, from the first on in the order of memory."""

    every: Annotated[int, Field(ge=1)]
    values: Annotated[list[_Number | None], Field(min_length=1, max_length=_MOST_NUMBERS)]


@dataclass(frozen=True)
class Vector:
    """Inputs of one window, and what belongs to them, by name."""

    inputs: dict[_Text, Annotated[_Packed, Field(max_length=_MOST_NUMBERS)]]
    outputs: dict[_Text, Places]


@dataclass(frozen=True)
class Deviation:
    """How far a file is off on a runtime at most: of its output ``name``, ``share`` times what is
    tolerated, infinite where one of the two is missing or not finite."""

    name: str
    share: float

    @property
    def tolerable(self) -> bool:
        """Whether the file computes there what it should."""
        return self.share <= 1.0


@dataclass(frozen=True)
class Needs:
    """``least``: the oldest TensorFlow Lite with every operator in its version, as the converter
    wrote it into the file, empty where it did not; ``contract``: the agreement of what inputs and
    outputs mean; ``tolerances``: by output, how far a value may be off, in its own unit."""

    least: _Text
    operators: Annotated[list[OperatorUse], Field(max_length=512)]
    contract: int
    vectors: Annotated[list[Vector], Field(max_length=_MOST_VECTORS)]
    tolerances: dict[_Text, _Number]

    __pydantic_config__ = ConfigDict(extra="forbid")

    @classmethod
    def read(cls, said: Any, where: str) -> Self:
        """From the JSON of a manifest. Raises BadInputError where it has none, or others."""
        if said is None:
            raise BadInputError(
                f"{where} has no golden vectors: an earlier version published it",
                fix="publish a newer version",
            )
        try:
            needs: Self = TypeAdapter(cls).validate_python(said)
        except ValidationError as error:
            name = ".".join(map(str, error.errors()[0]["loc"]))
            raise BadInputError(f"{where} has no valid golden vectors ({name})") from error
        return needs

    def inputs(self, vector: Vector, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        """Arrays of these shapes. Raises BadInputError where the vector has other inputs."""
        if vector.inputs.keys() != shapes.keys():
            raise BadInputError(f"golden vectors of {sorted(vector.inputs)}, not {sorted(shapes)}")
        return {
            name: unpacked(vector.inputs[name], int(np.prod(shape))).reshape(shape)
            for name, shape in shapes.items()
        }

    def deviation(self, vector: Vector, outputs: Mapping[str, Any]) -> Deviation:
        """The worst of what a runtime gave, arrays by name."""
        return max(
            (
                Deviation(name, _share(places, outputs.get(name), self.tolerances.get(name)))
                for name, places in vector.outputs.items()
            ),
            key=lambda deviation: deviation.share,
            default=Deviation("", np.inf),
        )


def packed(values: np.ndarray, decimals: int) -> list[Any]:
    """Numbers of so many decimals as JSON; ``unpacked`` is its inverse.

    >>> packed(np.array([1.0, 2.5, np.nan, 0, 0, 0, 0]), 1)
    [1, '2.5', None, [0, 4]]
    """
    numbers = [_number(value, decimals) for value in np.ravel(values)]
    runs: list[list[Any]] = []
    for number in numbers:
        if runs and runs[-1][0] == number and type(runs[-1][0]) is type(number):
            runs[-1][1] += 1
        else:
            runs.append([number, 1])
    return [item for number, times in runs for item in _written(number, times)]


def _written(number: Any, times: int) -> list[Any]:
    return [[number, times]] if times >= _REPEATS else [number] * times


def unpacked(items: list[Any], size: int) -> np.ndarray:
    """So many numbers, float32. Raises BadInputError where there are more or fewer.

    >>> unpacked([1, "2.5", None, [0, 2]], 5)
    array([1. , 2.5, nan, 0. , 0. ], dtype=float32)
    """
    numbers = np.empty(size, np.float32)
    at = 0
    for value, times in _runs(items):
        if not 1 <= times <= size - at:
            break
        numbers[at : at + times] = _value(value)
        at += times
    else:
        if at == size:
            return numbers
    raise BadInputError(f"golden vectors of another size than {size}")


def _runs(items: list[Any]) -> Iterator[tuple[Any, int]]:
    for item in items:
        yield (item[0], item[1]) if isinstance(item, (list, tuple)) else (item, 1)


def _share(places: Places, got: Any, tolerance: _Number | None) -> float:
    """How far the worst place is off, in tolerances."""
    wanted = np.array([_value(value) for value in places.values])
    numbers = np.empty(0) if got is None else np.ravel(got)[:: places.every]
    allowed = _value(tolerance)
    missing = np.isnan(wanted)
    if len(numbers) != len(wanted) or not allowed > 0 or (np.isnan(numbers) != missing).any():
        return float(np.inf)
    off = np.abs(numbers[~missing] - wanted[~missing])
    worst = float(off.max(initial=0.0)) / allowed
    return worst if np.isfinite(worst) else float(np.inf)


def _value(number: Any) -> float:
    """Raises BadInputError where a text is no number."""
    try:
        return float("nan") if number is None else float(number)
    except ValueError as error:
        raise BadInputError("golden vectors with what is no number") from error


def _number(value: Any, decimals: int) -> Any:
    if not np.isfinite(value):
        return None
    text = f"{float(value):.{max(decimals, 0)}f}"
    return int(float(text)) if float(text).is_integer() else text.rstrip("0")
