"""So many of something, as a sentence says it."""

from __future__ import annotations

__all__ = ["counted"]


def counted(count: int, singular: str, plural: str = "") -> str:
    """A count and what is counted; ``plural``: how several are called, where an s does not do.

    >>> counted(1, "site"), counted(1000, "site")
    ('1 site', '1,000 sites')
    >>> counted(0, "file is left", "files are left")
    '0 files are left'
    """
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
