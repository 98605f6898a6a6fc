"""A file's header and some of its fields, and how to speak of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.layouts.mapping import MISSING
from smartwatts_ml.readings.layouts.names import bare_name, plain_name
from smartwatts_ml.sources import Layout, toml_string

__all__ = ["FileColumns", "ask"]


@dataclass(frozen=True)
class FileColumns:
    """A file's header and some of its fields, and how to speak of it."""

    names: tuple[str, ...]
    sample: Sequence[Sequence[str]]
    where: str
    key: str
    layout: str
    said: Layout

    def position(self, column: str) -> int:
        places = self._places(column)
        if len(places) == 1:
            return places[0]
        problem = f"no column {column}" if not places else f"column {column} is there twice"
        raise BadInputError(
            f"{self.where}: {problem}",
            fix=f"the columns are {', '.join(self.names)}" if not places else "rename one of them",
        )

    def has(self, column: str) -> bool:
        return bool(self._places(column))

    def _places(self, column: str) -> list[int]:
        """Columns of that name, or else of that name with a unit behind it."""
        plain = plain_name(column)
        places = [i for i, name in enumerate(self.names) if plain_name(name) == plain]
        return places or [i for i, name in enumerate(self.names) if bare_name(name) == plain]

    def share(self, position: int, pattern: re.Pattern[str]) -> bool:
        """Whether most of a column's fields are of a form."""
        filled = [text for text in self.sample[position] if text.casefold() not in MISSING]
        return bool(filled) and 2 * sum(map(bool, map(pattern.fullmatch, filled))) > len(filled)

    def ask(self, problem: str, *lines: str) -> BadInputError:
        """What cannot be known, with the lines to paste into smartwatts.toml."""
        return ask(self.where, self.key, problem, *lines)


def ask(where: str, key: str, problem: str, *lines: str) -> BadInputError:
    """What cannot be known of a file, with the lines to paste into smartwatts.toml."""
    match = key.removeprefix("landing/")
    paste = "\n".join(["[[smartwatts.sources]]", f"match = {toml_string(match)}", *lines])
    return BadInputError(
        f"{where}: {problem}", fix=f"say so in smartwatts.toml:\n{paste}", settle=lines
    )
