"""The layouts that come with the package: one file each, recognised by a header."""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import tomllib
from collections.abc import Sequence
from functools import cache, cached_property
from importlib import resources
from typing import Literal

from pydantic import Field

from smartwatts_ml.errors import UsageError
from smartwatts_ml.readings.layouts.names import bare_name, plain_name
from smartwatts_ml.sources import Layout

__all__ = ["KnownLayout", "known_layouts", "layout_named", "recognise"]


class KnownLayout(Layout):
    """A layout with its name, what writes it, and the columns that show it: all of them have to
    be there, in any order and case. Names of columns may be patterns. ``needs``: what its files do
    not say, and a source has to; ``mains`` where a name may not show it."""

    name: str
    title: str
    columns: tuple[str, ...] = Field(min_length=1)
    needs: tuple[Literal["timezone", "unit", "mains"], ...] = ()

    @cached_property
    def digest(self) -> str:
        """Names what it says."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


@cache
def known_layouts() -> tuple[KnownLayout, ...]:
    """All of them, by name."""
    files = (f for f in resources.files(__package__).iterdir() if f.name.endswith(".toml"))
    return tuple(
        KnownLayout(name=file.name.removesuffix(".toml"), **tomllib.loads(file.read_text("utf-8")))
        for file in sorted(files, key=lambda file: file.name)
    )


def layout_named(name: str) -> KnownLayout:
    """The layout of that name. Raises UsageError if there is none."""
    for layout in known_layouts():
        if layout.name == name:
            return layout
    names = [layout.name for layout in known_layouts()]
    near = difflib.get_close_matches(name, names, n=1)
    fix = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
    raise UsageError(f"no layout {name!r}", fix=fix)


def recognise(names: Sequence[str]) -> KnownLayout | None:
    """The layout whose columns are all among those of a header; of several the one that names
    most of them."""
    plain = [spelling for name in names for spelling in (plain_name(name), bare_name(name))]
    fitting = [
        layout
        for layout in known_layouts()
        if all(fnmatch.filter(plain, plain_name(column)) for column in layout.columns)
    ]
    return max(fitting, key=lambda layout: len(layout.columns), default=None)
