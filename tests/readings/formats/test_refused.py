"""What is not read is told by its name, with what to do."""

from __future__ import annotations

import bz2
import io
import lzma
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pytest

from smartwatts_ml.errors import BadInputError
from tests.readings.formats.scanned import HEADER, scan

CSV = f"{HEADER}\n2026-01-01,1,a\n".encode()


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, content in files.items():
            file.writestr(name.replace("__", "."), content)
    return packed.getvalue()


def tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as file:
        entry = tarfile.TarInfo("a.csv")
        entry.size = len(CSV)
        file.addfile(entry, io.BytesIO(CSV))
    return packed.getvalue()


def feather() -> bytes:
    sink = pa.BufferOutputStream()
    pyarrow.feather.write_feather(pa.table({"a": [1]}), sink)
    return sink.getvalue().to_pybytes()


def sqlite(folder: Path) -> bytes:
    connection = sqlite3.connect(folder / "a.db")
    connection.execute("CREATE TABLE readings (a)")
    connection.close()
    return (folder / "a.db").read_bytes()


OTHERS = {
    "a ZIP archive": zipped(a__csv=CSV),
    "bzip2": bz2.compress(CSV),
    "xz": lzma.compress(CSV),
    "a tar archive": tar(),
    "old Excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
    "PDF": b"%PDF-1.7\n",
    "Feather": feather(),
    "HTML": b"\xef\xbb\xbf\n<!DOCTYPE HTML><html><body>Log in</body></html>",
    "picture": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.xlsx"])
def test_a_format_that_is_not_read_is_named_whatever_the_file_is_called(
    tmp_path: Path, what: str, name: str
) -> None:
    with pytest.raises(BadInputError, match=what) as caught:
        scan(tmp_path / name, OTHERS[what])
    assert name in str(caught.value)
    assert caught.value.fix


def test_a_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="SQLite database"):
        scan(tmp_path / "a.csv", sqlite(tmp_path))
