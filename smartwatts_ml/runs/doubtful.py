"""What somebody has to see to among a run's readings, a line each: files that were left,
lines that were rejected, homes that look as if their unit were wrong. For messages and pages, so
that it names no home but as ``site_names`` does.
"""

from __future__ import annotations

from collections.abc import Sequence

from smartwatts_ml.errors import StoreError
from smartwatts_ml.jsontext import json_text, parsed_document
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.runs.folders import check_run_id

__all__ = ["doubtful_lines", "keep_doubtful"]

_MOST_BYTES = 1 << 20
_MOST_LINES = 200


def keep_doubtful(objects: Objects, run_id: str, lines: Sequence[str]) -> None:
    """Keep what one batch of files gave; several may be at it at once. No lines leave nothing."""
    if lines:
        content = json_text(list(lines), indent=1).encode()
        objects.write(f"{_folder(run_id)}{sha256_of(content)[:16]}.json", content)


def doubtful_lines(objects: Objects, run_id: str) -> list[str]:
    """What there is: what cannot be read is said in its place."""
    lines: list[str] = []
    for info in objects.list(_folder(run_id)):
        if len(lines) >= _MOST_LINES:
            return [*lines[:_MOST_LINES], "…"]
        try:
            data = objects.read(info.key, _MOST_BYTES).data
            lines += parsed_document(list[str], data, objects.uri(info.key), "it only informs")
        except StoreError as error:
            lines.append(str(error))
    return lines


def _folder(run_id: str) -> str:
    return f"runs/{check_run_id(run_id)}/doubtful/"
