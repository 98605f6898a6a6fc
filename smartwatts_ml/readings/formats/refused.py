"""Formats that are not read: what they are called, and what to do with such a file."""

from __future__ import annotations

from typing import NamedTuple

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.content import Content

__all__ = ["advice_on", "refuse"]


class _Format(NamedTuple):
    what: str
    fix: str
    starts: tuple[bytes, ...] = ()
    names: str = ""
    """Endings of file names."""


_UNPACK = "unpack it, or use gzip or zstd"
_AS_CSV = "ask for the readings as CSV"
_AS_PARQUET = "write it as Parquet or CSV"
_FORMATS = (
    _Format("a ZIP archive", _UNPACK, (b"PK\x05\x06",), "zip"),
    _Format("packed with bzip2", _UNPACK, (b"BZh",), "bz2"),
    _Format("packed with xz", _UNPACK, (b"\xfd7zXZ",), "xz"),
    _Format("packed with lz4", _UNPACK, (b"\x04\x22\x4d\x18",), "lz4"),
    _Format("a 7-Zip archive", _UNPACK, (b"7z\xbc\xaf\x27\x1c",), "7z"),
    _Format("a RAR archive", _UNPACK, (b"Rar!",), "rar"),
    _Format("a tar archive", _UNPACK, (), "tar tgz"),
    _Format(
        "a workbook of old Excel (.xls), or one with a password",
        "save it as .xlsx without a password, or as CSV",
        (b"\xd0\xcf\x11\xe0",),
        "xls",
    ),
    _Format("a binary workbook of Excel", "save it as .xlsx or CSV", (), "xlsb"),
    _Format("an OpenDocument spreadsheet", "save it as .xlsx or CSV", (), "ods"),
    _Format("a PDF document", _AS_CSV, (b"%PDF",), "pdf"),
    _Format("a text document (RTF)", "save the readings as CSV", (b"{\\rtf",), "rtf"),
    _Format(
        "an SQLite database",
        "export the table of readings as CSV",
        (b"SQLite format 3",),
        "db sqlite sqlite3",
    ),
    _Format(
        "an HDF5 file",
        "`smartwatts import` takes public data sets; else write CSV",
        (b"\x89HDF",),
        "h5 hdf5",
    ),
    _Format("an Arrow (Feather) file", _AS_PARQUET, (b"ARROW1", b"FEA1"), "feather arrow"),
    _Format("an ORC file", _AS_PARQUET, (b"ORC",), "orc"),
    _Format("an Avro file", _AS_PARQUET, (b"Obj\x01",), "avro"),
    _Format("a picture", _AS_CSV, (b"\x89PNG", b"\xff\xd8\xff"), "png jpg jpeg"),
    _Format(
        "a web page (HTML)",
        "download the file itself: this may be a page to log in",
        (b"<!doctype html", b"<html"),
        "html htm",
    ),
)
_TAR_MARK = slice(257, 262)
_BLANK = b"\xef\xbb\xbf \t\r\n"


def refuse(content: Content) -> None:
    """Raises BadInputError where a file is of one of these formats."""
    start = content.start
    words = start.lstrip(_BLANK)[:20].lower()
    for form in _FORMATS:
        if start.startswith(form.starts) or words.startswith(form.starts):
            raise BadInputError(f"{content.name} is {form.what}", fix=form.fix)
    if start[_TAR_MARK] == b"ustar":
        raise BadInputError(f"{content.name} is a tar archive", fix=_UNPACK)


def advice_on(name: str) -> str | None:
    """What a file of such a name is, and what to do with it; None where it may be anything.

    >>> advice_on("landing/May.XLS").partition(":")[2]
    ' save it as .xlsx without a password, or as CSV'
    """
    ending = name.lower().rpartition(".")[2]
    for form in _FORMATS:
        if ending in form.names.split():
            return f"{form.what}: {form.fix}"
    return None
