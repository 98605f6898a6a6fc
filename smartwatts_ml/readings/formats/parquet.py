"""Parquet: columns with types, in groups of rows that are read one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.columns import TIMESTAMP
from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.formats.parquet_pages import page_facts
from smartwatts_ml.readings.formats.tables import Batch, Table, TableReader
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.mapper import Cells
from smartwatts_ml.readings.layouts.names import END, STAMP, role_of
from smartwatts_ml.sources import Layout

__all__ = ["ParquetReader"]

_SAMPLE = 2_000
_CELLS = 200_000
"""Cells of a batch."""
_MOST_COLUMNS = 4096
_PAGES_AT_ONCE = 192 << 20
_BYTES_OF_ROWS = 48 << 20
"""Of a batch."""
_LARGEST_FOOTER = 1 << 24
_MOST_ROWS = 1 << 20
_MOST_ROWS_A_BYTE = 1 << 12
_LONGEST_TEXT = 1 << 10
_INDEX_WITHOUT_A_NAME = "__index_level_0__"


class ParquetReader(TableReader):
    """Its lines are rows."""

    format: ClassVar[str] = "Parquet"

    def tables(self) -> Iterator[Table]:
        if self.content.packing != "none":
            raise BadInputError(
                f"{self.name} is a Parquet file inside of a packed one",
                fix="unpack it: Parquet is packed by itself",
            )
        self.content.read_through()
        with _as_bad_input(self.content), self.content.path.open("rb") as raw:
            opened = _open(raw, self.content)
            yield _ParquetTable.begin(opened, self)
            rows = opened.file.metadata.num_rows
            if self.lines != rows:
                raise self.content.damaged(
                    ValueError(f"{rows} rows in the footer, {self.lines} read")
                )
        self.content.check_unchanged()


@contextmanager
def _as_bad_input(content: Content) -> Iterator[None]:
    """Arrow's ways to say that a file is damaged."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise content.damaged(error) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise content.damaged(error) from error


@dataclass(frozen=True)
class _Opened:
    """``rows`` of all columns fit into memory at once."""

    file: pq.ParquetFile
    rows: int


def _open(raw: Any, content: Content) -> _Opened:
    """Text is read as dictionaries, so that a long one is not written out for each row."""
    try:
        facts = page_facts(raw, content.size)
    except (ValueError, IndexError) as error:
        raise content.damaged(error) from error
    if facts.at_once > _PAGES_AT_ONCE:
        raise BadInputError(
            f"{content.name}: its pages take {facts.at_once >> 20} MiB of memory at once",
            fix="write it with smaller groups of rows, or as CSV",
        )
    limits = {
        "thrift_string_size_limit": _LARGEST_FOOTER,
        "thrift_container_size_limit": _LARGEST_FOOTER,
    }
    # What a group says of its columns is not asked for: Arrow ends the process where that is odd.
    metadata = pq.ParquetFile(raw, **limits).metadata
    if metadata.num_columns > _MOST_COLUMNS:
        raise BadInputError(
            f"{content.name} has more than {_MOST_COLUMNS} columns", fix="split the file"
        )
    if metadata.num_rows > _MOST_ROWS + _MOST_ROWS_A_BYTE * content.size:
        raise BadInputError(
            f"{content.name} has {metadata.num_rows:,} rows in {content.size:,} bytes",
            fix="write the readings as CSV",
        )
    texts = [f.name for f in metadata.schema.to_arrow_schema() if _is_text(_plain_type(f.type))]
    file = pq.ParquetFile(
        raw, metadata=metadata, read_dictionary=texts, buffer_size=1 << 20, **limits
    )
    return _Opened(file, max(1, int(_BYTES_OF_ROWS / max(facts.row_bytes, 1.0))))


@dataclass
class _ParquetTable(Table):
    """``columns``: names of its columns in the file."""

    reader: ParquetReader
    opened: _Opened
    columns: Sequence[str]

    @classmethod
    def begin(cls, opened: _Opened, reader: ParquetReader) -> _ParquetTable:
        file, rows = opened.file, min(_SAMPLE, opened.rows)
        fields = [f for f in file.schema_arrow if _is_read(_plain_type(f.type))]
        columns = [f.name for f in fields]
        twice = next((name for name in columns if columns.count(name) > 1), None)
        if twice is not None:
            raise BadInputError(
                f"{reader.name}: column {twice} is there twice", fix="rename one of them"
            )
        names = [_shown_name(f, columns) for f in fields]
        first = next(file.iter_batches(rows, columns=columns), None)
        sample = [
            [text.strip() for text in _texts(first[name]).fill_null("").to_pylist()]
            if first
            else []
            for name in columns
        ]
        written = [
            texts if _is_text(_plain_type(f.type)) else []
            for texts, f in zip(sample, fields, strict=True)
        ]
        stamps = [
            name
            for name, f in zip(names, fields, strict=True)
            if pa.types.is_timestamp(_plain_type(f.type))
        ]
        named = {STAMP, END} & {role_of(name) for name in names}
        own = Layout(timestamp=(stamps[0],)) if len(stamps) == 1 and not named else Layout()
        return cls(names, reader.name, sample, written, reader, opened, columns, own=own)

    def batches(self, interpretation: Interpretation) -> Iterator[Batch]:
        """Rows of the columns that mean something; the others are empty."""
        used = sorted(interpretation.mapping.used)
        decimal = interpretation.numbers.decimal
        rows = max(1, min(_CELLS // len(used), self.opened.rows))
        with _as_bad_input(self.reader.content):
            for batch in self.opened.file.iter_batches(
                rows, columns=[self.columns[i] for i in used]
            ):
                columns: list[Any] = [pa.nulls(len(batch), pa.string())] * len(self.names)
                for position in used:
                    columns[position] = _texts(batch[self.columns[position]], decimal)
                first = self.reader.lines + 1
                self.reader.lines += len(batch)
                numbers = np.arange(first, first + len(batch))
                yield Batch(Cells(pa.table({"number": numbers, "fields": _rows(columns)})))


def _shown_name(column: pa.Field, columns: Sequence[str]) -> str:
    """An index of pandas that has no name is the timestamp, if it is one."""
    nameless = column.name == _INDEX_WITHOUT_A_NAME
    if nameless and pa.types.is_timestamp(column.type) and TIMESTAMP not in columns:
        return TIMESTAMP
    return str(column.name)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind)) or bool(
        t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind)
    )


def _is_read(kind: pa.DataType) -> bool:
    """Whether a cell of the type can be a text; lists and structures cannot."""
    t = pa.types
    other = t.is_temporal(kind) or t.is_decimal(kind) or t.is_boolean(kind) or t.is_null(kind)
    return bool(_is_text(kind) or t.is_integer(kind) or t.is_floating(kind) or other)


def _texts(column: pa.Array, decimal: str = ".") -> pa.Array:
    """Cells as text: instants end in Z, numbers have the decimal mark of the file's texts."""
    t = pa.types
    if t.is_dictionary(column.type):
        texts = _texts(column.dictionary, decimal)
        return texts.take(column.indices)
    if t.is_timestamp(column.type):
        return _stamps(column)
    if t.is_duration(column.type):
        micros = column.cast(pa.duration("us")).cast(pa.int64())
        return pc.divide(micros.cast(pa.float64()), 1e6).cast(pa.string())
    if t.is_date(column.type):
        return column.cast(pa.date32()).cast(pa.string())
    if t.is_float16(column.type):
        column = column.cast(pa.float32())
    if _is_text(column.type):
        return _settled(_decoded(column))
    texts = column.cast(pa.string())
    if decimal != "." and (t.is_floating(column.type) or t.is_decimal(column.type)):
        return pc.replace_substring(texts, ".", decimal)
    return texts


def _decoded(column: pa.Array) -> pa.Array:
    """Text that is text: Parquet does not see to it, and nobody below expects anything else."""
    raw = column.cast(pa.binary())
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid:
        texts = [
            None if data is None else data.decode("utf-8", "replace") for data in raw.to_pylist()
        ]
        return pa.array(texts, pa.string())


def _settled(texts: pa.Array) -> pa.Array:
    """Without what no text of a reading has, and nothing where one is too long for any."""
    if (pc.max(pc.binary_length(texts)).as_py() or 0) > _LONGEST_TEXT:
        short = pc.less_equal(pc.binary_length(texts), _LONGEST_TEXT)
        texts = pc.if_else(short, texts, None)
    return pc.replace_substring_regex(texts, r"[\x00-\x1f]", "�")


def _stamps(column: pa.Array) -> pa.Array:
    """Without a zone as they are; else as instants, whatever the zone is."""
    kind = column.type
    naive = column.view(pa.timestamp(kind.unit))
    for unit in ("s", "us"):
        try:
            naive = naive.cast(pa.timestamp(unit))
            break
        except pa.ArrowInvalid:  # it would lose digits
            continue
    texts = naive.cast(pa.string())
    return texts if kind.tz is None else pc.binary_join_element_wise(texts, "Z", "")


def _rows(columns: Sequence[pa.Array]) -> pa.ListArray:
    """Columns of texts, shape (n,) each, as one column of lists."""
    width, length = len(columns), len(columns[0])
    order = np.arange(width * length).reshape(width, length).T.ravel()
    cells = pa.concat_arrays(columns).take(pa.array(order))
    return pa.ListArray.from_arrays(np.arange(length + 1, dtype=np.int32) * width, cells)
