"""What the documents about runs are tried with."""

from __future__ import annotations

from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES


def padded(data: bytes) -> bytes:
    """The same JSON with more spaces than a document may have bytes."""
    return data + b" " * MAX_DOCUMENT_BYTES


NO_TIMES = ("2026-11-28T20:00:00", "2026-11-28", "1700000000", "1700000000.5", "", 1700000000)
"""Without a zone, or a number: what can be read as a time, and is none that was written."""
