"""``make docs``: docs/layouts.md from the layouts that come with the package."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from smartwatts_ml.readings.formats.refused import REFUSED, RefusedFormat
from smartwatts_ml.readings.layouts.catalog import KnownLayout, known_layouts
from smartwatts_ml.sources import Source

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "layouts.md"
_HEAD = """# Layouts

What files may look like beyond `timestamp,consumption,device_id`. This page is written by
`make docs`.

## Known exports

A file is recognised by its header: the columns named here are all there, in any order and case;
`*` stands for any text. Nothing has to be said but what a row asks for, in a
[source](readings.md#a-file-of-your-own):

- `timezone`: that of the home; UTC if nobody says it, with a warning. A timestamp's own offset
  always wins.
- `unit`: of each entity, `unit = { "sensor.grid_power" = "W" }`.
- `mains`: which entity, series or meter is the home's supply, unless its name says so,
  `channels = { "sensor.grid_power" = "mains" }`; or which of two meters counts what is fed in,
  `channels = { "643999999999990028" = "-mains", "*" = "+mains" }` with `device = "home1"`.

Where no column names the home, the file's folder does, or else its own name; `device = "home1"`
says another.
"""
_TABLE = """| layout | files | recognised by | home | has to be said |
|---|---|---|---|---|"""
_WRITING = """## Other files

A header that is not here is read by what its columns are called and hold: a column of timestamps,
and columns of power, energy or totals with their unit in their name, or in a column of its own.
Where that leaves more than one meaning, the file is left, with the question and the lines of
`smartwatts.toml` that answer it; `smartwatts ingest --explain FILE` shows them before anything is
taken. Formats beside CSV are [these](readings.md#formats-beside-csv).

## A new layout

Two files, and no code:

1. `smartwatts_ml/readings/layouts/<name>.toml`: `title`, `columns` (those that no other tool
   writes together), and what they mean, in the words of a source, below. `needs` lists what no such
   file says: `timezone`, `unit`,
   `mains`. What is left open is found out. `timezone` itself belongs there
   only where all homes with such files have the same one.
2. `tests/readings/layouts/fixtures/<name>.csv`, a few made-up lines as the tool writes them, and
   `<name>.json` with the start of each interval and its mean W by device.

`make docs` adds its row here. `layout = "<name>"` of a source applies a layout to files whose
header does not show it.

## What a source may say

| key | |
|---|---|"""
_REFUSED = """## What is not read

Such a file is left, with what to do:

| a file that is | named | what to do |
|---|---|---|"""


def page() -> str:
    """The whole page."""
    layouts = map(_layout, known_layouts())
    keys = {field.alias or name: field for name, field in Source.model_fields.items()}
    rows = [f"| `{name}` | {keys[name].description} |" for name in sorted(keys)]
    parts = [_HEAD, _TABLE, *layouts, "", _WRITING, *rows, "", _REFUSED]
    return "\n".join([*parts, *map(_refused, REFUSED), ""])


def _layout(layout: KnownLayout) -> str:
    device = layout.device or "{home}"
    home = "" if "{" in device else f"`{device}`"
    needs, columns = _code(layout.needs, ", "), _code(layout.columns, ", ")
    return f"| `{layout.name}` | {layout.title} | {columns} | {home} | {needs} |"


def _refused(form: RefusedFormat) -> str:
    endings = _code([f".{ending}" for ending in form.names.split()], " ")
    return f"| {form.what} | {endings} | {form.fix} |"


def _code(texts: Iterable[str], between: str) -> str:
    return between.join(f"`{text}`" for text in texts)


if __name__ == "__main__":
    sys.exit(not PAGE.write_text(page()))
