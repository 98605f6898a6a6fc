"""JSON of which there is one text for one value, and dataclasses that are kept as such.

Whatever is signed or replaced if unchanged is written so: the same value gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Annotated, Any, ClassVar, Self, cast

from pydantic import BeforeValidator, ConfigDict, PlainSerializer, TypeAdapter
from pydantic_core import from_json

__all__ = [
    "Canonical",
    "PreciseTime",
    "Time",
    "canonical_json",
    "format_time",
    "parse_json",
    "parse_time",
    "without_floats",
]


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8. Floats are refused: they have no one text.

    >>> canonical_json({"b": 1, "a": ["é"]}).decode()
    '{"a":["é"],"b":1}'
    """
    _refuse_floats(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def parse_json(data: bytes) -> Any:
    """Plain JSON. Raises ValueError where it is none, is nested without end, or has an object
    that says a name twice: two readers could take it for two things."""
    value = from_json(data)
    json.loads(data, object_pairs_hook=_refuse_names_twice)
    return value


def without_floats(value: Any) -> Any:
    """The same JSON with each float as a decimal string, and None where it is not finite.

    >>> without_floats({"mae": 12.5, "n": 3, "tiny": 1e-05, "none": float("nan")})
    {'mae': '12.5', 'n': 3, 'tiny': '0.00001', 'none': None}
    """
    if isinstance(value, float):
        return format(Decimal(repr(float(value))), "f") if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): without_floats(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_floats(item) for item in value]
    return value


def format_time(time: datetime) -> str:
    """UTC, whole seconds.

    >>> format_time(datetime(2026, 11, 22, 2, 11, 9, tzinfo=UTC))
    '2026-11-22T02:11:09Z'
    """
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """The instant that ``format_time`` wrote. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _parse_precise_time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("has no time zone")
    return time


def _only_text(parse: Callable[[str], datetime]) -> BeforeValidator:
    """Pydantic on its own takes text without a zone, and digits for seconds since 1970."""

    def parsed(value: Any) -> datetime:
        if not isinstance(value, str):
            raise ValueError("is no text")
        return parse(value)

    return BeforeValidator(parsed)


Time = Annotated[datetime, _only_text(parse_time), PlainSerializer(format_time)]
"""An instant, UTC, that is kept in whole seconds."""
PreciseTime = Annotated[
    datetime, _only_text(_parse_precise_time), PlainSerializer(datetime.isoformat)
]
"""An instant with its offset from UTC, that is kept to the microsecond."""


@dataclass(frozen=True)
class Canonical:
    """A dataclass whose fields are the keys of its JSON, no more and no fewer."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return cast(
            dict[str, Any], _adapter(cast(Hashable, type(self))).dump_python(self, mode="json")
        )

    def to_bytes(self) -> bytes:
        """As stored."""
        return canonical_json(self.to_json())

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what ``to_bytes`` wrote. Raises ValidationError (a ValueError), also where it
        is nested more deeply than anything that is kept here."""
        return cast(Self, _adapter(cast(Hashable, cls)).validate_json(data))


@cache
def _adapter(kept: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kept)


def _refuse_names_twice(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name twice")


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError(f"a float ({value}) cannot be signed; use a decimal string")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_floats(item)
