"""So many of something, as a sentence says it."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["counted", "counted_reasons"]

_SHOWN = 3


def counted(count: int, singular: str, plural: str = "") -> str:
    """A count and what is counted; ``plural``: how several are called, where an s does not do.

    >>> counted(1, "site"), counted(1000, "site")
    ('1 site', '1,000 sites')
    >>> counted(0, "file is left", "files are left")
    '0 files are left'
    """
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def counted_reasons(counts: Mapping[str, int]) -> str:
    """The most common of some reasons, and how many are left for others.

    >>> counted_reasons({"no date": 1, "no number": 2, "no site": 1, "no unit": 1})
    '2 × no number; 1 × no date; 1 × no site; 1 × something else'
    """
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    rest = sum(count for _, count in ranked[_SHOWN:])
    shown = [*ranked[:_SHOWN], *([("something else", rest)] if rest else [])]
    return "; ".join(f"{count:,} × {reason}" for reason, count in shown)
