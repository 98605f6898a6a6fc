"""Which format a file is of, told by its first bytes and not by its name.

A format's module is loaded when the first file of it comes: that of Excel takes half a second.
"""

from __future__ import annotations

import re
from pkgutil import resolve_name

from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.csv.encodings import start_as_utf8
from smartwatts_ml.readings.file_reader import FileReader
from smartwatts_ml.readings.formats.refused import refuse
from smartwatts_ml.sources import Layout, Source

__all__ = ["READERS", "open_reader"]

_ROOM = "smartwatts_ml.readings"
READERS: dict[str, re.Pattern[bytes]] = {
    f"{_ROOM}.formats.parquet:ParquetReader": re.compile(rb"PAR1"),
    f"{_ROOM}.formats.excel:ExcelReader": re.compile(rb"PK\x03\x04"),
    f"{_ROOM}.formats.nem12:Nem12Reader": re.compile(
        rb"(\xef\xbb\xbf)?\s*100,NEM1[23]\b", re.IGNORECASE
    ),
    f"{_ROOM}.formats.influx:InfluxReader": re.compile(
        rb"(\xef\xbb\xbf)?\s*(#(group|datatype|default)\b|\"?\"?,\"?result\"?,\"?table\"?,)"
    ),
    f"{_ROOM}.formats.green_button:GreenButtonReader": re.compile(
        rb"[\xef\xbb\xbf \t\r\n]*<|(\xff\xfe)?<\x00\?|(\xfe\xff)?\x00<\x00\?"
    ),
    f"{_ROOM}.formats.json_records:JsonReader": re.compile(
        rb"(\xef\xbb\xbf)?\s*(\{\s*[\"}]|\[\s*[\[{\]])"
    ),
    f"{_ROOM}.csv.reader:CsvReader": re.compile(b""),
}
"""Readers by name, with what their files begin with; the first that fits is it."""


def open_reader(content: Content, source: Source, defaults: Layout, key: str) -> FileReader:
    """A file's reader. Raises BadInputError where it is of a format that is not read, with what
    to do."""
    refuse(content)
    starts = (content.start, start_as_utf8(content.start))
    name = next(name for name, begin in READERS.items() if any(map(begin.match, starts)))
    reader: FileReader = resolve_name(name)(content, source, defaults, key)
    return reader
