"""Which format a file is of, told by its first bytes and not by its name."""

from __future__ import annotations

import re

from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.csv.reader import CsvReader
from smartwatts_ml.readings.file_reader import FileReader
from smartwatts_ml.readings.formats.excel import ZIP_MAGIC, ExcelReader
from smartwatts_ml.readings.formats.green_button import GreenButtonReader
from smartwatts_ml.readings.formats.influx import INFLUX_START, InfluxReader
from smartwatts_ml.readings.formats.json_records import JSON_START, JsonReader
from smartwatts_ml.readings.formats.nem12 import NEM_START, Nem12Reader
from smartwatts_ml.readings.formats.parquet import PARQUET_MAGIC, ParquetReader
from smartwatts_ml.readings.formats.refused import refuse
from smartwatts_ml.sources import Layout, Source

__all__ = ["open_reader"]

_BLANK = b"\xef\xbb\xbf \t\r\n"
_IS_WIDE_XML = re.compile(rb"(\xff\xfe)?<\x00\?|(\xfe\xff)?\x00<\x00\?")


def open_reader(content: Content, source: Source, defaults: Layout, key: str) -> FileReader:
    """A file's reader. Raises BadInputError where it is of a format that is not read, with what
    to do."""
    refuse(content)
    if content.start.startswith(PARQUET_MAGIC):
        return ParquetReader(content, source, defaults, key)
    if content.start.startswith(ZIP_MAGIC):
        return ExcelReader(content, source, defaults, key)
    if NEM_START.match(content.start):
        return Nem12Reader(content, source, defaults, key)
    if INFLUX_START.match(content.start):
        return InfluxReader(content, source, defaults, key)
    if content.start.lstrip(_BLANK).startswith(b"<") or _IS_WIDE_XML.match(content.start):
        return GreenButtonReader(content, source, defaults, key)
    if JSON_START.match(content.start):
        return JsonReader(content, source, defaults, key)
    return CsvReader(content, source, defaults, key)
