"""Which format a file is of, told by its first bytes and not by its name."""

from __future__ import annotations

from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.csv.reader import CsvReader
from smartwatts_ml.readings.file_reader import FileReader
from smartwatts_ml.readings.formats.excel import ZIP_MAGIC, ExcelReader
from smartwatts_ml.readings.formats.parquet import PARQUET_MAGIC, ParquetReader
from smartwatts_ml.readings.formats.refused import refuse
from smartwatts_ml.sources import Layout, Source

__all__ = ["open_reader"]


def open_reader(content: Content, source: Source, defaults: Layout, key: str) -> FileReader:
    """A file's reader. Raises BadInputError where it is of a format that is not read, with what
    to do."""
    refuse(content)
    if content.start.startswith(PARQUET_MAGIC):
        return ParquetReader(content, source, defaults, key)
    if content.start.startswith(ZIP_MAGIC):
        return ExcelReader(content, source, defaults, key)
    return CsvReader(content, source, defaults, key)
