"""Text that others wrote, as a terminal or a log may show it."""

from __future__ import annotations

import unicodedata

__all__ = ["printable"]

_ODD = ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")


def printable(text: str) -> str:
    """Without what a terminal would obey instead of showing it, and what turns or hides letters;
    lines stay.

    >>> printable("a\\x1b[31m.csv")
    'a�[31m.csv'
    """
    return "".join(
        "\ufffd" if letter != "\n" and unicodedata.category(letter) in _ODD else letter
        for letter in text
    )
