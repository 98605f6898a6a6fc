"""Text that others wrote, as a terminal or a log may show it."""

from __future__ import annotations

import re

__all__ = ["printable"]

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Without what a terminal would obey instead of showing it; lines stay.

    >>> printable("a\\x1b[31m.csv")
    'a�[31m.csv'
    """
    return _CONTROL.sub("\ufffd", text)
