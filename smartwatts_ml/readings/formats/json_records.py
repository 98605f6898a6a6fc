"""JSON: lines of objects, or arrays of objects wherever in a document they are.

Home Assistant's history and statistics are arrays by entity: what the first state of an array
says of its entity holds for the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, ClassVar, NamedTuple

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.csv.blocks import BlockReader
from smartwatts_ml.readings.csv.encodings import start_as_utf8
from smartwatts_ml.readings.formats.json_text import JsonText, decode_json
from smartwatts_ml.readings.formats.rows import Row, RowTable, plain_text
from smartwatts_ml.readings.formats.tables import Table, TableReader
from smartwatts_ml.readings.layouts.names import DEVICE, REGISTER, UNIT, role_of
from smartwatts_ml.readings.report import Rejected
from smartwatts_ml.readings.units import scale_of, unit_of

__all__ = ["JsonReader"]

_SAMPLE = 2_000
_CELLS = 200_000
"""Cells of a sample."""
_MOST_NAMES = 4096
_LONGEST_TEXT = 1 << 10
_DEEPEST = 8
_KEPT_TEXT = 200
_WRAPPERS = frozenset(
    {"data", "result", "results", "readings", "items", "values", "records", "response", "rows"}
    | {"entries", "measurements", "states", "history", "consumption", "intervals", "series"}
    | {"stats", "statistics", "nodes", "edges", "viewer", "homes", "payload", "points", "feed"}
    | {"interval_reading", "interval_readings", "meter_reading", "meter_readings", "usage"}
)
_ENTITY = re.compile(r"(sensor|number|input_number)\.\w+|\w+:\w+")
_SHORT = {"s": "state", "lu": "last_changed", "lc": "last_changed", "a": "attributes"}
"""Names in Home Assistant's compressed states."""
_UNIT_OF_STATE = "unit_of_measurement"
_OF_THE_ENTITY = ("entity_id", _UNIT_OF_STATE)

_Texts = dict[str, str]


class _Record(NamedTuple):
    line: int
    texts: _Texts


class JsonReader(TableReader):
    """Its lines are objects, and those lines on which none begins."""

    format: ClassVar[str] = "JSON"

    def tables(self) -> Iterator[Table]:
        records = self._of_lines() if _is_lines(self.content) else self._of_document()
        first, names = self._first(records)
        if not names:
            raise BadInputError(
                f"{self.name} is JSON without objects that could be readings",
                fix='they look like {"timestamp": …, "consumption": …, "device_id": …}',
            )
        rows = (_row(record, names) for record in chain(first, records))
        yield RowTable.begin(names, rows, self.name)

    def _first(
        self, records: Iterator[_Record | Rejected]
    ) -> tuple[list[_Record | Rejected], list[str]]:
        """Some of the records, and the names in them."""
        first: list[_Record | Rejected] = []
        names: dict[str, None] = {}
        cells = 0
        for record in records:
            first.append(record)
            if isinstance(record, _Record):
                cells += len(record.texts)
                names |= dict.fromkeys(record.texts)
            if len(names) > _MOST_NAMES:
                raise BadInputError(
                    f"{self.name} has more than {_MOST_NAMES} names of values", fix="split the file"
                )
            if len(first) >= _SAMPLE or cells >= _CELLS:
                break
        return first, list(names)

    def _of_lines(self) -> Iterator[_Record | Rejected]:
        blocks = BlockReader(self.content)
        extra = 0
        for block in blocks:
            lines = block.data.decode("utf-8", "replace").split("\n")[: block.lines]
            for number, line in enumerate(lines, block.first):
                if not line.strip():
                    self.blank += 1
                    continue
                records = _of_line(line)
                extra += max(len(records) - 1, 0)
                if not records:
                    yield Rejected(number, "no JSON object with readings", line[:_KEPT_TEXT])
                yield from (_Record(number, texts) for texts in records)
        self.lines = blocks.lines + extra

    def _of_document(self) -> Iterator[_Record | Rejected]:
        text = JsonText(self.content)
        count = starts = last = 0
        while text.peek():
            for record in _walk(text, {}, 0):
                count += 1
                starts += record.line != last
                last = record.line
                yield record
        self.header = max(0, text.lines - starts)
        self.lines = self.header + count


def _is_lines(content: Content) -> bool:
    """Whether the first line is an object by itself, with nothing but a reading in it."""
    start = start_as_utf8(content.start).removeprefix(b"\xef\xbb\xbf")
    line = start.lstrip().partition(b"\n")[0]
    try:
        value = decode_json(line.decode("utf-8", "replace"))
    except ValueError:
        return False
    return isinstance(value, dict) and not any(isinstance(v, list | dict) for v in value.values())


def _of_line(line: str) -> list[_Texts]:
    try:
        value = decode_json(line)
    except ValueError:
        return []
    return list(_records(value, {}, 0)) if isinstance(value, dict) else []


def _row(record: _Record | Rejected, names: list[str]) -> Row | Rejected:
    if isinstance(record, Rejected):
        return record
    return Row(record.line, [record.texts.get(name, "") for name in names])


def _walk(text: JsonText, context: _Texts, depth: int) -> Iterator[_Record | Rejected]:
    """Objects of arrays, with what the objects around them say of devices and units."""
    if depth > _DEEPEST:
        raise text.broken("too many values inside of each other")
    if text.peek() == "[":
        yield from _array(text, context, depth)
    elif text.peek() == "{":
        yield from _object(text, context, depth)
    else:
        line = text.line
        yield Rejected(line, "no JSON object", plain_text(str(text.value()))[:_KEPT_TEXT])


def _array(text: JsonText, context: _Texts, depth: int) -> Iterator[_Record | Rejected]:
    text.take("[")
    entity: _Texts = {}
    while text.peek() != "]":
        line = text.line
        if text.peek() == "{":
            for texts in _records(text.value(), context, depth):
                if depth:  # the states of one entity
                    entity |= {k: v for k, v in texts.items() if k in _OF_THE_ENTITY and v}
                    texts = texts | entity if "state" in texts else texts
                yield _Record(line, texts)
        elif text.peek() == "[":
            yield from _row_or_array(text, context, depth + 1)
        else:
            yield from _walk(text, context, depth + 1)
        if text.peek() != "]":
            text.take(",")
    text.take("]")


def _row_or_array(text: JsonText, context: _Texts, depth: int) -> Iterator[_Record | Rejected]:
    """An array in an array: the cells of a row, or objects."""
    if depth > _DEEPEST:
        raise text.broken("too many values inside of each other")
    line = text.line
    row = text.row()
    if row is None:
        yield from _array(text, context, depth)
    else:
        cells = {f"column_{i}": _text(value) for i, value in enumerate(row, 1)}
        yield _Record(line, context | cells)


def _object(text: JsonText, context: _Texts, depth: int) -> Iterator[_Record | Rejected]:
    """An object, or those in it; a single one before them says something of them."""
    line, inner = text.line, False
    scalars: _Texts = {}
    aside: _Record | None = None
    text.take("{")
    while text.peek() != "}":
        key = str(text.value())
        text.take(":")
        if text.peek() in "[{":
            about = scalars | (aside.texts if aside else {})
            around = context | _identity(about) | _named_by(key)
            is_object = text.peek() == "{"
            records = _walk(text, around, depth + 1)
            first = list(islice(records, 2)) if is_object and not inner else []
            if len(first) == 1 and aside is None and isinstance(first[0], _Record):
                named = _named_by(key)
                own = {k: v for k, v in first[0].texts.items() if named.get(k) != v}
                aside, only = _Record(first[0].line, own), first[0]
            else:
                inner = True
                if len(first) == 1 and aside is not None:
                    yield only
                yield from chain(first, records)
        else:
            scalars[key] = _text(text.value())
            if len(scalars) > _MOST_NAMES:
                raise text.broken(f"an object of more than {_MOST_NAMES} values")
        if text.peek() != "}":
            text.take(",")
    text.take("}")
    if aside is not None and not inner:
        yield only
    elif scalars and not inner:
        yield _Record(line, context | scalars)


def _named_by(key: str) -> _Texts:
    """What the name of an array says of its objects."""
    if _ENTITY.fullmatch(key):
        return {"entity_id": key}
    return {} if key.casefold() in _WRAPPERS else {"device": key}


def _identity(texts: Mapping[str, str]) -> _Texts:
    return {k: v for k, v in texts.items() if role_of(k) in (DEVICE, REGISTER, UNIT)}


def _records(value: dict[str, Any], context: _Texts, depth: int) -> Iterator[_Texts]:
    """An object as texts by name; where it holds arrays of objects, those."""
    if "s" in value and value.keys() <= _SHORT.keys():
        value = {_SHORT[key]: item for key, item in reversed(value.items())}
    texts = context | _flat(value, "", 0)
    unit = unit_of(texts.get(_UNIT_OF_STATE, ""))
    if unit and scale_of(unit).quantity == "energy":  # Home Assistant's energy is a total
        texts[_UNIT_OF_STATE] = f"{unit}-counter"
    inner = list(_inner(value, depth))
    if not inner or depth > _DEEPEST:
        yield texts
        return
    for key, items in inner:
        around = context | _identity(texts)
        if len(inner) > 1:
            around |= _named_by(key)
        for item in items:
            yield from _records(item, around, depth + 1)


def _inner(value: Mapping[str, Any], depth: int) -> Iterator[tuple[str, list[Any]]]:
    """Arrays of objects in an object, and in the objects of it."""
    for key, item in value.items():
        if _is_objects(item):
            yield key, item
        elif isinstance(item, dict) and depth < _DEEPEST:
            yield from _inner(item, depth + 1)


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _flat(value: Mapping[str, Any], prefix: str, depth: int) -> _Texts:
    texts: _Texts = {}
    for key, item in value.items():
        if isinstance(item, dict):
            if depth < _DEEPEST:
                texts |= _flat(item, "" if key == "attributes" else f"{prefix}{key}.", depth + 1)
        elif not isinstance(item, list):
            texts[f"{prefix}{key}"] = _text(item)
    return texts


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or len(value) > _LONGEST_TEXT else value
