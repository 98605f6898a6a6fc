"""What ships names no home: a manifest lies inside every app, and its text is read by anyone.

Inside, slices are called ``site <name>``. In what is signed they are told by numbers, which
mean something within one decision alone, and the metrics of single homes are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Discretion"]

_SITE = "site "


class Discretion:
    """Tells of the sites of one decision by numbers.

    >>> discreet = Discretion(["site berlin-7", "site b", "hours day"])
    >>> discreet.text("kept: site berlin-7 loses 4 %, site b does not")
    'kept: site #2 loses 4 %, site #1 does not'
    >>> discreet.slices({"site b": 1, "hours day": 2})
    {'hours day': 2}
    """

    def __init__(self, slices: Iterable[str]) -> None:
        names = sorted({name for name in slices if name.startswith(_SITE)})
        numbers = {name: f"{_SITE}#{number}" for number, name in enumerate(names, 1)}
        # The longest first: one name may begin another.
        self._numbers = dict(sorted(numbers.items(), key=lambda item: -len(item[0])))

    def text(self, text: str) -> str:
        """The text without names of sites."""
        for name, number in self._numbers.items():
            text = text.replace(name, number)
        return text

    def slices(self, slices: Mapping[str, Any]) -> dict[str, Any]:
        """Those of no single home."""
        return {name: value for name, value in slices.items() if not name.startswith(_SITE)}
