"""What reading a file of any format gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, NamedTuple

from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.layouts.interpretation import Interpretation, interpret
from smartwatts_ml.readings.layouts.on_change import with_held_values
from smartwatts_ml.readings.layouts.one_series import check_series
from smartwatts_ml.readings.parsed import ParsedBlock
from smartwatts_ml.sources import Layout, Source

__all__ = ["FilePart", "FileReader"]


class FilePart(NamedTuple):
    """Rows below one header: what they are taken for, and the rows, which are read once.
    ``name``: for people, where line numbers begin anew in it."""

    interpretation: Interpretation
    blocks: Iterator[ParsedBlock]
    name: str = ""


class FileReader(ABC):
    """A file of one format, read once, part by part.

    ``key`` is the path that sources are matched against. ``lines``: what the format counts
    (lines, rows, records), by a count that owes nothing to the parsers; ``header``: those that
    are no readings by their nature; ``blank``: those that the blocks do not count. They hold
    after the last part. ``names`` and ``sample``: the columns of a part, and some fields of each,
    from when they are known on, be they understood or not. ``above``: unit and timezone that the
    file says above its header.
    """

    format: ClassVar[str]
    lines = 0
    header = 0
    blank = 0
    names: tuple[str, ...] = ()
    sample: Sequence[Sequence[str]] = ()
    above: Mapping[str, str] = {}

    def __init__(self, content: Content, source: Source, defaults: Layout, key: str) -> None:
        self.content = content
        self.name = content.name
        self.source = source
        self.defaults = defaults
        self.key = key

    @abstractmethod
    def parts(self) -> Iterator[FilePart]:
        """Raises BadInputError where the file cannot be read as a whole."""

    def interpret(
        self,
        names: Sequence[str],
        sample: Sequence[Sequence[str]],
        where: str,
        own: Layout | None = None,
        written: Sequence[Sequence[str]] | None = None,
        first: Sequence[Sequence[str]] | None = None,
    ) -> Interpretation:
        """What columns are taken for; arguments as of ``interpret``, and ``first``: the fields of
        lines that follow each other, if those of ``sample`` do not."""
        self.names, self.sample = tuple(names), sample
        defaults = self.defaults.model_copy(update=self.above)
        form = interpret(names, sample, self.source, where, self.key, defaults, own, written)
        form = replace(form, above=frozenset(self.above))
        check_series(form, first or sample, where, self.key, sample)
        return with_held_values(form, first or sample)

    def facts(self) -> dict[str, str]:
        """What there is to say of it for people, by what it is about."""
        packing = {} if self.content.packing == "none" else {"packing": self.content.packing}
        return {"format": self.format, **packing}
