"""Sources as text for ``smartwatts.toml``, one for files that ask for the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from smartwatts_ml.readings.explained.explanation import Explanation
from smartwatts_ml.sources import Source, literal_pattern, toml_string

__all__ = ["SourceText", "source_texts"]


@dataclass(frozen=True)
class SourceText:
    """``files``: those that it is about."""

    match: str
    lines: tuple[str, ...]
    files: tuple[Explanation, ...]

    def __str__(self) -> str:
        table = ["[[smartwatts.sources]]", f"match = {toml_string(self.match)}", *self.lines]
        return "".join(f"{line}\n" for line in table)


def source_texts(files: Sequence[Explanation]) -> list[SourceText]:
    """What would settle what is doubtful in files."""
    by_lines: dict[tuple[str, ...], list[Explanation]] = {}
    for file in files:
        if file.lines:
            by_lines.setdefault(file.lines, []).append(file)
    texts = []
    for lines, asking in by_lines.items():
        match = _common([file.key for file in asking])
        others = [file.key for file in files if file not in asking]
        if match and not any(map(Source(match=match).matches, others)):
            texts.append(SourceText(match, lines, tuple(asking)))
        else:
            texts += [SourceText(literal_pattern(file.key), lines, (file,)) for file in asking]
    return texts


def _common(keys: Sequence[str]) -> str:
    """A pattern of several keys; empty where they have nothing in common.

    >>> _common(["a/b.csv"]), _common(["x/em_A.csv", "x/em_B.csv"]), _common(["a", "b"])
    ('a/b.csv', 'x/em_*.csv', '')
    """
    if len(keys) == 1:
        return literal_pattern(keys[0])
    start = _shared(keys)
    end = _shared([key[len(start) :][::-1] for key in keys])[::-1]
    return f"{literal_pattern(start)}*{literal_pattern(end)}" if start else ""


def _shared(texts: Sequence[str]) -> str:
    """What all of them begin with."""
    alike = takewhile(lambda chars: len(set(chars)) == 1, zip(*texts, strict=False))
    return "".join(chars[0] for chars in alike)
