"""Formats that are not read: what they are called, and what to do with such a file."""

from __future__ import annotations

from typing import NamedTuple

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.content import Content

__all__ = ["REFUSED", "RefusedFormat", "advice_on", "refuse"]


class RefusedFormat(NamedTuple):
    what: str
    fix: str
    starts: tuple[bytes, ...] = ()
    names: str = ""
    """Endings of file names."""


_UNPACK = "unpack it, or use gzip or zstd"
_AS_CSV = "ask for the readings as CSV"
_AS_PARQUET = "write it as Parquet or CSV"
REFUSED = (
    RefusedFormat("a ZIP archive", _UNPACK, (b"PK\x05\x06",), "zip"),
    RefusedFormat("packed twice", "unpack it once", (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd")),
    RefusedFormat("packed with bzip2", _UNPACK, (b"BZh",), "bz2"),
    RefusedFormat("packed with xz", _UNPACK, (b"\xfd7zXZ",), "xz"),
    RefusedFormat("packed with lz4", _UNPACK, (b"\x04\x22\x4d\x18",), "lz4"),
    RefusedFormat("a 7-Zip archive", _UNPACK, (b"7z\xbc\xaf\x27\x1c",), "7z"),
    RefusedFormat("a RAR archive", _UNPACK, (b"Rar!",), "rar"),
    RefusedFormat("a tar archive", _UNPACK, (), "tar tgz"),
    RefusedFormat(
        "a workbook of old Excel (.xls), or one with a password",
        "save it as .xlsx without a password, or as CSV",
        (b"\xd0\xcf\x11\xe0",),
        "xls",
    ),
    RefusedFormat("a binary workbook of Excel", "save it as .xlsx or CSV", (), "xlsb"),
    RefusedFormat("an OpenDocument spreadsheet", "save it as .xlsx or CSV", (), "ods"),
    RefusedFormat("a PDF document", _AS_CSV, (b"%PDF",), "pdf"),
    RefusedFormat("a text document (RTF)", "save the readings as CSV", (b"{\\rtf",), "rtf"),
    RefusedFormat(
        "an SQLite database",
        "export the table of readings as CSV",
        (b"SQLite format 3",),
        "db sqlite sqlite3",
    ),
    RefusedFormat(
        "an HDF5 file",
        "`smartwatts import` takes public data sets; else write CSV",
        (b"\x89HDF",),
        "h5 hdf5",
    ),
    RefusedFormat("an Arrow (Feather) file", _AS_PARQUET, (b"ARROW1", b"FEA1"), "feather arrow"),
    RefusedFormat("an ORC file", _AS_PARQUET, (b"ORC",), "orc"),
    RefusedFormat("an Avro file", _AS_PARQUET, (b"Obj\x01",), "avro"),
    RefusedFormat("a picture", _AS_CSV, (b"\x89PNG", b"\xff\xd8\xff"), "png jpg jpeg"),
    RefusedFormat(
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
    for form in REFUSED:
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
    for form in REFUSED:
        if ending in form.names.split():
            return f"{form.what}: {form.fix}"
    return None
