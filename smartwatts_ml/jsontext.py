"""JSON as every program reads it: dataclasses as objects, and null for what JSON has no number for.

>>> print(json_text({"f1": float("nan"), "hours": (1, 2.5)}))
{"f1": null, "hours": [1, 2.5]}
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from smartwatts_ml.errors import StoreError

__all__ = ["json_text", "parsed", "parsed_document", "plain"]

_T = TypeVar("_T")


def plain(value: Any) -> Any:
    """Dicts, lists, strings and numbers that stand for ``value``.

    Dataclasses become dicts by field, times ISO strings, NaN and infinity None; numpy's
    scalars and arrays become numbers and lists, and whatever else there is its ``str``.
    """
    return to_jsonable_python(value, inf_nan_mode="null", fallback=_plain_array)


def _plain_array(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def json_text(value: Any, indent: int | None = None) -> str:
    """One JSON document with sorted keys."""
    return json.dumps(plain(value), indent=indent, sort_keys=True, allow_nan=False)


@cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def parsed(cls: type[_T], value: Any) -> _T:
    """The dataclass that ``plain`` wrote. Raises ValueError, which says what does not fit."""
    return cast(_T, _adapter(cast(Hashable, cls)).validate_python(value))


def parsed_document(cls: type[_T], data: bytes, where: str, fix: str) -> _T:
    """The value of a document that is kept at an address. Raises StoreError, with that
    address and with what to do, where it is no JSON or does not fit."""
    try:
        return parsed(cls, json.loads(data))
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(map(str, fault["loc"]))
        reason = f"{field}: {fault['msg']}" if field else fault["msg"]
    except (ValueError, TypeError, RecursionError) as error:
        reason = str(error)
    raise StoreError(f"{where} is damaged: {reason}", fix=fix)
