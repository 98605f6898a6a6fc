"""What a run was told of its readings, a line each: for its page on them, and for people.

What ingest said of every file, and what somebody has to see to: files of which nothing was
taken, lines that were rejected, sites that look as if their unit were wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from smartwatts_ml.errors import StoreError
from smartwatts_ml.jsontext import json_text, parsed_document
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.runs.folders import check_run_id

__all__ = ["kept_lines", "keep_lines"]

_MOST_BYTES = 1 << 20
_MOST_LINES = 200
_What = Literal["ingested", "doubtful"]


def keep_lines(objects: Objects, run_id: str, what: _What, lines: Sequence[str]) -> None:
    """Keep what one batch of files gave; several may be at it at once. No lines leave nothing."""
    if lines:
        content = json_text(list(lines), indent=1).encode()
        objects.write(f"{_folder(run_id, what)}{sha256_of(content)[:16]}.json", content)


def kept_lines(objects: Objects, run_id: str, what: _What) -> list[str]:
    """What there is, for a page: what cannot be read is said in its place."""
    lines: list[str] = []
    for info in objects.list(_folder(run_id, what)):
        if len(lines) >= _MOST_LINES:
            return [*lines[:_MOST_LINES], "…"]
        try:
            data = objects.read(info.key, _MOST_BYTES).data
            lines += parsed_document(list[str], data, objects.uri(info.key), "it only informs")
        except StoreError as error:
            lines.append(str(error))
    return lines


def _folder(run_id: str, what: _What) -> str:
    return f"runs/{check_run_id(run_id)}/{what}/"
