"""Blocks without a flaw → rows, at the speed of a columnar CSV reader.

It takes a block only if each line of it is a good row beyond doubt, and otherwise leaves
it to ``RowMapper``, which judges line by line. A property test holds the two to the same
result.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pyarrow import csv

from smartwatts_ml.readings.base import device_id, split_device_id
from smartwatts_ml.readings.clock import LocalClock
from smartwatts_ml.readings.columns import (
    ANOMALY,
    CONSUMPTION,
    DEVICE_ID,
    END_US,
    FIRST_US,
    TIMESTAMP,
    TOO_LARGE,
)
from smartwatts_ml.readings.csv.blocks import Block
from smartwatts_ml.readings.csv.dialect import Dialect
from smartwatts_ml.readings.layouts.mapping import Meaning
from smartwatts_ml.readings.parsed import FOLD, NO_LABEL, Parsed, ParsedBlock
from smartwatts_ml.readings.stamps.casts import database
from smartwatts_ml.readings.stamps.forms import EPOCHS, ISO, FileStamps
from smartwatts_ml.readings.stamps.sql import plain_sql

__all__ = ["parse_fast"]

_LABELS = {"": NO_LABEL, "0": 1, "0.0": 1, "1": 2, "1.0": 2}
_FORBIDDEN = "\x00\x01\x1e\x1f\ufffd"
_QUOTE, _LINE_FEED, _DOT, _ZERO, _NINE = b'"\n.09'


def parse_fast(block: Block, dialect: Dialect, clock: LocalClock | None) -> ParsedBlock | None:
    """The rows of a block of data lines; None if any line of it is not plainly good.

    ``clock`` is that of naive stamps, None where it is UTC.
    """
    form = dialect.interpretation
    if not form.mapping.is_plain or form.numbers.group:
        return None
    quoted = b'"' in block.data
    if quoted and not _plainly_quoted(block.data, dialect.separator):
        return None
    try:
        table = _read(block.data, dialect, quoted)
    except pa.ArrowInvalid:
        return None
    if table.num_rows != block.lines:
        return None
    stamps = _stamps(table[TIMESTAMP], form.stamps)
    if stamps is None:
        return None
    meaning = form.mapping.meaning(form.mapping.values[0], "any", "", "")
    assert isinstance(meaning, Meaning)
    values = table[CONSUMPTION].to_numpy()
    if meaning.factor != 1:
        values = values * meaning.factor
    names = _devices(table[DEVICE_ID])
    labels = _labels(table, block.lines)
    if names is None or labels is None or not _in_range(stamps, values):
        return None
    if clock is not None and not form.stamps.zoned and not form.stamps.is_epoch:
        stamps, gap, fold = clock.to_utc(stamps, meaning.measure.ends)
        if gap.any():
            return None
        labels[fold] |= FOLD
    parsed = Parsed(
        measure=meaning.measure,
        stamps=stamps,
        values=values,
        devices=_codes(table[DEVICE_ID]),
        names=names,
        labels=labels,
        lines=np.arange(block.first, block.first + block.lines),
    )
    return ParsedBlock([parsed], read=block.lines)


def _plainly_quoted(data: bytes, separator: str) -> bool:
    """Whether each quote opens a field or closes the one that the last quote opened."""
    letters = np.frombuffer(data, np.uint8)
    ends = (letters == _LINE_FEED) | (letters == ord(separator))
    quotes = np.flatnonzero(letters == _QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    return (
        len(opening) == len(closing)
        and bool(np.all(ends[opening - 1] | (opening == 0)))
        and bool(np.all(ends[closing + 1]))
    )


def _read(data: bytes, dialect: Dialect, quoted: bool) -> pa.Table:
    form = dialect.interpretation
    is_iso = form.stamps.form == ISO
    iso = pa.timestamp("us", "UTC" if form.stamps.zoned else None)
    stamp = iso if is_iso else pa.string()
    text = pa.dictionary(pa.int32(), pa.string())
    types = {TIMESTAMP: stamp, CONSUMPTION: pa.float64(), DEVICE_ID: text, ANOMALY: text}
    mapping = form.mapping
    places = {
        mapping.stamp[0]: TIMESTAMP,
        mapping.values[0].position: CONSUMPTION,
        mapping.device: DEVICE_ID,
    }
    if mapping.anomaly is not None:
        places[mapping.anomaly] = ANOMALY
    return csv.read_csv(
        pa.BufferReader(data),
        read_options=csv.ReadOptions(
            use_threads=False,
            block_size=len(data) + 1,
            column_names=[places.get(i, f"other {i}") for i in range(dialect.width)],
        ),
        parse_options=csv.ParseOptions(
            delimiter=dialect.separator,
            quote_char='"' if quoted else False,
            double_quote=False,
            ignore_empty_lines=False,
        ),
        convert_options=csv.ConvertOptions(
            column_types={name: types[name] for name in places.values()},
            include_columns=list(places.values()),
            null_values=[],
            strings_can_be_null=False,
            timestamp_parsers=[csv.ISO8601],
            decimal_point=form.numbers.decimal,
        ),
    )


def _stamps(column: pa.ChunkedArray, form: FileStamps) -> np.ndarray | None:
    """µs since the epoch, int64, on the clock of the file; None if one is not plainly good."""
    if form.is_epoch:
        return _epochs(column.combine_chunks(), EPOCHS[form.form])
    if form.form != ISO:
        return _local_stamps(column, form)
    return column.combine_chunks().view(pa.int64()).to_numpy()


def _local_stamps(texts: pa.ChunkedArray, form: FileStamps) -> np.ndarray | None:
    """µs since the epoch of timestamps of a form that strptime takes."""
    plain = plain_sql("text", form)
    if plain is None:
        return None
    with database() as connection:
        connection.register("texts", pa.table({"text": texts}))
        query = f"SELECT epoch_us({plain}) AS stamp FROM texts"
        stamps = connection.sql(query).to_arrow_table()["stamp"]
    return None if stamps.null_count else stamps.to_numpy()


def _epochs(texts: pa.StringArray, scale: float) -> np.ndarray | None:
    """Plain numbers, without a sign, an exponent or spaces, as µs."""
    _, places, letters = (np.frombuffer(b or b"", np.uint8) for b in texts.buffers())
    first, last = places.view(np.int32)[[texts.offset, texts.offset + len(texts)]]
    used = letters[first:last]
    if not np.all(((used >= _ZERO) & (used <= _NINE)) | (used == _DOT)):
        return None
    try:
        numbers = texts.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return None
    with np.errstate(over="ignore"):
        return np.rint(np.minimum(numbers * scale, END_US)).astype(np.int64)


def _in_range(stamps: np.ndarray, values: np.ndarray) -> bool:
    """Whether all stamps and values are what a reading may have; NaN is not."""
    if not len(stamps):
        return True
    return bool(
        stamps.min() >= FIRST_US
        and stamps.max() < END_US
        and values.max() < TOO_LARGE
        and values.min() > -TOO_LARGE
    )


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    return column.combine_chunks().indices.to_numpy(zero_copy_only=False)


def _devices(column: pa.ChunkedArray) -> list[str] | None:
    """Whole device_ids, by code; None if one of them is not plainly good."""
    texts: list[str] = column.combine_chunks().dictionary.to_pylist()
    for text in texts:
        if (
            not text
            or text[0] in "/= '\t\ufeff"
            or text[-1] in " \t"
            or any(c in text for c in _FORBIDDEN)
        ):
            return None
    return [device_id(*split_device_id(text)) for text in texts]


def _labels(table: pa.Table, rows: int) -> np.ndarray | None:
    """Label codes; None if a text is none of the known."""
    if ANOMALY not in table.column_names:
        return np.zeros(rows, np.uint8)
    column = table[ANOMALY].combine_chunks()
    texts = column.dictionary.to_pylist()
    if any(text not in _LABELS for text in texts):
        return None
    codes = np.array([_LABELS[text] for text in texts], np.uint8)
    return codes[column.indices.to_numpy(zero_copy_only=False)]
