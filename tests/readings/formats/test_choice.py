"""Readers are named, and loaded when their files come."""

from __future__ import annotations

import subprocess
import sys
from pkgutil import resolve_name

from smartwatts_ml.readings.file_reader import FileReader
from smartwatts_ml.readings.formats.choice import READERS


def test_every_reader_is_where_its_name_says() -> None:
    assert all(issubclass(resolve_name(name), FileReader) for name in READERS)


def test_excel_is_not_loaded_for_a_file_of_another_format() -> None:
    code = "import sys, smartwatts_ml.readings.scan; print('openpyxl' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
