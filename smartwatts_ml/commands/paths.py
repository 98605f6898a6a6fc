"""Options of files that take what a shell's ``*`` gives: several paths after one name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

__all__ = ["PathsCommand", "paths_option"]


def paths_option(help_text: str, *names: str) -> Any:
    """An option for files, folders and quoted patterns; the paths are there."""
    return typer.Option(
        *names, help=help_text, metavar="PATH...", show_default=False, callback=_existing
    )


def _existing(paths: list[Path] | None) -> list[Path]:
    """Paths, with those that fit in place of a pattern that no shell has replaced."""
    existing: list[Path] = []
    for path in paths or ():
        pattern = path.relative_to(path.anchor).as_posix()
        fitting = [path] if path.exists() else sorted(Path(path.anchor).glob(pattern))
        existing += fitting
        if not fitting:
            raise typer.BadParameter(f"no file or folder {path}")
    return existing


class PathsCommand(TyperCommand):
    """A command whose options that may be repeated need their name once, where it takes no
    arguments, which come without a name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if any(isinstance(parameter, TyperArgument) for parameter in self.params):
            return super().parse_args(ctx, args)
        repeatable = {
            name
            for option in self.params
            if isinstance(option, TyperOption) and option.multiple
            for name in option.opts
        }
        return super().parse_args(ctx, list(_repeated(args, repeatable)))


def _repeated(args: Sequence[str], repeatable: Collection[str]) -> Iterator[str]:
    """
    >>> list(_repeated(["--input", "a", "b", "--output", "c"], {"--input"}))
    ['--input', 'a', '--input', 'b', '--output', 'c']
    """
    name, has_value = "", False
    for arg in args:
        if arg.startswith("-"):
            name, equals, _ = arg.partition("=")
            has_value = bool(equals)
        elif name in repeatable:
            if has_value:
                yield name
            has_value = True
        yield arg
