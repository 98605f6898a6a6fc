"""A workbook of Excel (.xlsx) → its sheets, row by row.

openpyxl parses, with defusedxml, so that no entity is expanded. Nothing of it is held but the
shared texts and one row: its own sheets hold more, and read a sheet twice.
"""

from __future__ import annotations

import lzma
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import IO, Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from openpyxl.reader.excel import ExcelReader as Package
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.formats.rows import Number

__all__ = ["UNSAVED", "Worksheet", "open_workbook"]

UNSAVED = "a formula without a saved value"
"""What a cell holds that no program has calculated."""

_LARGEST_SHEET = 1 << 30
_LARGEST_TEXTS = 1 << 26
_LARGEST_PART = 1 << 24
_LARGEST_ROW = 1 << 20
_MOST_TAGS = 100_000
"""Of a part that openpyxl makes objects of."""
_MOST_TEXTS = 1_500_000
_PIECE = 1 << 16
_MOST_PARTS = 5_000
_MOST_SHEETS = 500
_MOST_ROWS = 1 << 20
_MOST_COLUMNS = 4097
_SECOND = timedelta(seconds=1)
_NEARLY = timedelta(milliseconds=50)
_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ParseError, InvalidFileException),
    *(ValueError, LookupError, TypeError, AttributeError, OverflowError, RuntimeError),
)
"""What openpyxl and zipfile raise at a file that is not as it should be."""


# Of styles that are missing, of extensions that nobody needs, and the like.
warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")


class Worksheet(NamedTuple):
    """``rows``: numbers and cells of the rows that are there, read once; cells are texts, or
    ``Number``."""

    title: str
    rows: Iterator[tuple[int, list[str]]]


@contextmanager
def open_workbook(content: Content) -> Iterator[list[Worksheet]]:
    """Raises BadInputError where it is none, is damaged, or unpacks to more than is plausible."""
    with _as_bad_input(content), content.path.open("rb") as raw:
        with zipfile.ZipFile(raw) as archive:
            _check_parts(archive, content)
        package = Package(raw, read_only=True, data_only=True, keep_links=False)
        package.archive.close()
        package.archive = _Archive(raw)
        with package.archive:
            package.read_manifest()
            texts = package.package.find(SHARED_STRINGS)
            if texts is not None:
                package.archive.check_texts(texts.PartName[1:])
            package.read_strings()
            package.read_workbook()
            apply_stylesheet(package.archive, package.wb)
            sheets = [
                Worksheet(sheet.name, _rows(package, link.target, content))
                for sheet, link in package.parser.find_sheets()
                if "worksheet" in link.Type and link.target in package.valid_files
            ]
            if len(sheets) > _MOST_SHEETS:
                raise BadInputError(
                    f"{content.name} has more than {_MOST_SHEETS} sheets", fix="split the workbook"
                )
            yield sheets


@contextmanager
def _as_bad_input(content: Content) -> Iterator[None]:
    try:
        yield
    except _OverfullError as error:
        raise BadInputError(
            f"{content.name}: its {error} has too much in it", fix="save the readings as CSV"
        ) from error
    except _FAULTS as error:
        raise content.damaged(error) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise content.damaged(error) from error


def _check_parts(archive: zipfile.ZipFile, content: Content) -> None:
    """Sizes are as the archive says: more than that zipfile does not unpack."""
    parts = archive.infolist()
    names = {part.filename for part in parts}
    if "xl/workbook.bin" in names:
        raise BadInputError(
            f"{content.name} is a binary workbook of Excel (.xlsb)", fix="save it as .xlsx or CSV"
        )
    if "[Content_Types].xml" not in names or not any(n.startswith("xl/") for n in names):
        _refuse(names, content)
    sizes = [part.file_size for part in parts]
    too_large = [p.filename for p in parts if p.file_size > _largest(p.filename)]
    if too_large or len(parts) > _MOST_PARTS or sum(sizes) > 2 * _LARGEST_SHEET:
        raise BadInputError(
            f"{content.name} unpacks to {sum(sizes) >> 20} MiB", fix="save the readings as CSV"
        )


class _Archive(zipfile.ZipFile):
    """Parts that are read as a whole become objects: these are not many."""

    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        data = super().read(name, pwd)
        if data.count(b"<") > _MOST_TAGS:
            raise _OverfullError(name if isinstance(name, str) else name.filename)
        return data

    def check_texts(self, part: str) -> None:
        """Of shared texts each one becomes an object."""
        since = texts = 0
        with self.open(part) as unpacked:
            while piece := unpacked.read(_PIECE):
                texts += piece.count(b"<si")
                since = 0 if b"</si>" in piece else since + len(piece)
                if since > _LARGEST_ROW or texts > _MOST_TEXTS:
                    raise _OverfullError(part)


class _OverfullError(Exception):
    """A part has too much in it."""


def _largest(part: str) -> int:
    if part.startswith("xl/worksheets/"):
        return _LARGEST_SHEET
    if part.endswith(".xml") or part.endswith(".rels"):
        return _LARGEST_TEXTS if "sharedStrings" in part else _LARGEST_PART
    return _LARGEST_SHEET  # pictures and such, which nobody unpacks


def _refuse(names: set[str], content: Content) -> None:
    if "content.xml" in names and "mimetype" in names:
        raise BadInputError(
            f"{content.name} is an OpenDocument file", fix="save the sheet as .xlsx or CSV"
        )
    raise BadInputError(f"{content.name} is a ZIP archive", fix="unpack it, or use gzip or zstd")


class _Guarded:
    """A part as it is unpacked, which may not be long without a row coming to its end."""

    def __init__(self, part: IO[bytes], content: Content) -> None:
        self._part = part
        self._content = content
        self.since = 0

    def read(self, size: int = -1) -> bytes:
        data = self._part.read(size)
        self.since += len(data)
        if self.since > _LARGEST_ROW:
            raise BadInputError(
                f"{self._content.name}: a row of more than {_LARGEST_ROW >> 20} MiB",
                fix="save the readings as CSV",
            )
        return data


class _SheetParser(WorkSheetParser):  # type: ignore[misc]
    """Tells cells that nobody has calculated from empty ones."""

    def parse_cell(self, element: Element) -> dict[str, Any]:
        cell: dict[str, Any] = super().parse_cell(element)
        is_text = element.get("t") == "str"  # of which an empty one is a result
        if cell["value"] is None and not is_text and element.find(FORMULA_TAG) is not None:
            cell["value"] = UNSAVED
        return cell


def _rows(package: Any, part: str, content: Content) -> Iterator[tuple[int, list[str]]]:
    book = package.wb
    with _as_bad_input(content), package.archive.open(part) as unpacked:
        source = _Guarded(unpacked, content)
        parser = _SheetParser(
            source,
            package.shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        last = 0
        for number, cells in parser.parse():
            if not last < number <= _MOST_ROWS:
                raise ValueError(f"row {number} after row {last}")
            last, source.since = number, 0
            parser.row_dimensions.clear()
            yield number, _texts(cells)


def _texts(cells: list[dict[str, Any]]) -> list[str]:
    """The cells of a row in their places, without empty ones at the end."""
    texts: list[str] = []
    for cell in cells:
        text = _text(cell["value"])
        place = cell["column"] - 1
        if text and place < _MOST_COLUMNS:
            texts += [""] * (place + 1 - len(texts))
            texts[place] = text
    return texts


def _text(value: Any) -> str:
    """
    >>> _text(datetime(2026, 5, 1)), _text(time(0, 30)), _text(timedelta(days=1)), _text(0.5)
    ('2026-05-01', '00:30:00', '24:00:00', '0.5')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return Number(int(value))
    if isinstance(value, int | float):
        return Number(value)
    if isinstance(value, datetime):
        moment = _to_the_second(value)
        return moment.isoformat(" ") if moment.time() != time() else moment.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return str(value).strip()


def _to_the_second(moment: datetime) -> datetime:
    """What a number of days with few digits means."""
    near = (moment + _SECOND / 2).replace(microsecond=0)
    return near if abs(moment - near) < _NEARLY else moment
