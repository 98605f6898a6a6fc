"""Another source at the end of the settings file, whose other bytes stay as they are."""

from __future__ import annotations

import os
import re
import tomllib
from typing import Any

from pydantic import ValidationError

from smartwatts_ml.errors import UsageError
from smartwatts_ml.settings.base import PREFIX, settings_file
from smartwatts_ml.sources import Source

__all__ = ["place_of_source", "with_source"]

_VARIABLE = f"{PREFIX}SOURCES"
_MATCH = re.compile(r"\s*match\s*=.*")


def with_source(text: str, table: str, where: str) -> str:
    """The text of a settings file with a table ``[[smartwatts.sources]]`` added to it; as it is
    where it has that table already.

    Raises UsageError where the file has a source for the same files, or where sources are
    written so that none can be added.
    """
    if os.environ.get(_VARIABLE):
        raise UsageError(f"{_VARIABLE} is set, so that sources of {where} do not hold")
    if table in text:
        return text
    (new,) = _sources(tomllib.loads(table))
    before = _sources(tomllib.loads(text))
    if any(source.get("match", "*") == new["match"] for source in before):
        raise UsageError(f"{where} has a source {new['match']!r} already", fix="change it there")
    end = "\r\n" if "\r\n" in table else "\n"
    gap = "" if not text else end if text.endswith("\n") else end * 2
    longer = f"{text}{gap}{table}"
    try:
        Source.model_validate(new)
        if _sources(tomllib.loads(longer)) == [*before, new]:
            return longer
    except (ValueError, ValidationError):
        pass
    raise UsageError(
        f"no source can be added at the end of {where}",
        fix="write its sources as [[smartwatts.sources]]",
    )


def place_of_source(match: str) -> str:
    """Where the source of that pattern is written, for people: variable or file and line."""
    if os.environ.get(_VARIABLE):
        return _VARIABLE
    path = settings_file()
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return str(path)
    for number, line in enumerate(lines, 1):
        if _MATCH.fullmatch(line) and _value_of(line) == match:
            return f"{path}, line {number}"
    return str(path)


def _value_of(line: str) -> Any:
    try:
        return tomllib.loads(line.strip()).get("match")
    except tomllib.TOMLDecodeError:
        return None


def _sources(settings: dict[str, Any]) -> list[dict[str, Any]]:
    sources: list[dict[str, Any]] = settings.get("smartwatts", {}).get("sources", [])
    return sources
