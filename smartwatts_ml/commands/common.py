"""Options that the verbs share, JSON, and progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from smartwatts_ml.commands.console import err
from smartwatts_ml.jsontext import json_text
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.settings import Settings, settings

__all__ = [
    "JsonOption",
    "RootOption",
    "SeedOption",
    "open_objects",
    "print_json",
    "progress_bar",
    "replace_file",
]

RootOption = Annotated[
    str | None,
    typer.Option(
        "--root",
        help="Path, file:/// or s3://bucket/prefix. Default: SMARTWATTS_ROOT, "
        "then .local/smartwatts here.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]


def open_objects(root: str | None, *, writable: bool = True) -> tuple[Objects, Settings]:
    """What is kept at a root, and the settings in force."""
    current = settings(root=root)
    return open_root(current.root, writable=writable), current


def print_json(value: Any) -> None:
    """One JSON document on standard output, sorted and indented."""
    typer.echo(json_text(value, indent=2))


def replace_file(path: Path, content: bytes) -> str:
    """Write a file so that a crash leaves the old one or the new one; its name."""
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(content)
    partial.replace(path)
    return str(path)


@contextmanager
def progress_bar(title: str) -> Iterator[Any]:
    """Progress on standard error; yields ``report(text, share done in 0..1)``.

    A bar on a terminal, a line for each tenth elsewhere.
    """
    if not err.is_terminal:
        yield _line_reporter(title)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(title, total=1.0)

        def report(text: str, share: float) -> None:
            bar.update(task, description=f"{title}: {text}", completed=share)

        yield report


def _line_reporter(title: str) -> Any:
    """Prints a line whenever another tenth of the work is done."""
    tenth = -1

    def report(text: str, share: float) -> None:
        nonlocal tenth
        if int(share * 10) != tenth:
            err.print(f"{title}: {text}", soft_wrap=True, markup=False)
        tenth = int(share * 10)

    return report
