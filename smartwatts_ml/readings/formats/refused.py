"""Formats that are not read: what they are called, and what to do with such a file."""

from __future__ import annotations

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.content import Content

__all__ = ["refuse"]

_UNPACK = "unpack it, or use gzip or zstd"
_BY_START: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive", _UNPACK),
    (b"PK\x05\x06", "a ZIP archive without a file in it", _UNPACK),
    (b"BZh", "packed with bzip2", _UNPACK),
    (b"\xfd7zXZ", "packed with xz", _UNPACK),
    (b"\x04\x22\x4d\x18", "packed with lz4", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (
        b"\xd0\xcf\x11\xe0",
        "a workbook of old Excel (.xls), or one with a password",
        "save it as .xlsx without a password, or as CSV",
    ),
    (b"%PDF", "a PDF document", "ask for the readings as CSV"),
    (b"{\\rtf", "a text document (RTF)", "save the readings as CSV"),
    (b"SQLite format 3", "an SQLite database", "export the table of readings as CSV"),
    (b"\x89HDF", "an HDF5 file", "`smartwatts import` takes public data sets, else write CSV"),
    (b"ARROW1", "an Arrow (Feather) file", "write it as Parquet or CSV"),
    (b"ORC", "an ORC file", "write it as Parquet or CSV"),
    (b"Obj\x01", "an Avro file", "write it as Parquet or CSV"),
    (b"\x89PNG", "a picture", "ask for the readings as CSV"),
    (b"\xff\xd8\xff", "a picture", "ask for the readings as CSV"),
)
_TAR_MARK = slice(257, 262)


def refuse(content: Content) -> None:
    """Raises BadInputError where a file is of one of these formats."""
    start = content.start
    for magic, what, fix in _BY_START:
        if start.startswith(magic):
            raise BadInputError(f"{content.name} is {what}", fix=fix)
    if start[_TAR_MARK] == b"ustar":
        raise BadInputError(f"{content.name} is a tar archive", fix=_UNPACK)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise BadInputError(
            f"{content.name} is a web page (HTML)",
            fix="download the file itself: this may be a page to log in",
        )
