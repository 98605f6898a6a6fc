"""Where words go: results to standard output; progress, notes and errors to standard error, so
that ``--json`` output can be piped. What is coloured is a ``Text``; a string is printed as it is,
with its brackets."""

from __future__ import annotations

import os

from rich.console import Console

__all__ = ["err", "out"]

_PIPE_WIDTH = 140
"""Columns of a table that goes to a file or a pipe, where nothing has to be cut off."""


def _console(stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, markup=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    return console


out = _console(stderr=False)
err = _console(stderr=True)
