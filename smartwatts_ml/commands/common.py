"""Options that the verbs share, JSON, and progress."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from smartwatts_ml.commands.console import err
from smartwatts_ml.errors import SmartwattsError, UsageError
from smartwatts_ml.jsontext import json_text
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.objects.durable import flush_folder, make_folder, staged
from smartwatts_ml.settings import Settings, settings

__all__ = [
    "JsonOption",
    "RootOption",
    "SeedOption",
    "check_replaceable",
    "open_objects",
    "print_json",
    "progress_bar",
    "write_files",
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


def write_files(contents: Mapping[Path, bytes]) -> list[str]:
    """Write files of one folder, all or none, so that they survive a power cut; their names.

    Each takes its name only when all are on the disk, and keeps the permissions of a file that
    had the name. Raises SmartwattsError where one
    cannot be written; nothing is left behind then.
    """
    for path in contents:
        check_replaceable(path)
    with contextlib.ExitStack() as stack:
        ready = {}
        for path, content in contents.items():
            with _failing_for(path):
                make_folder(path.parent)
                mode = path.stat().st_mode & 0o777 if path.exists() else 0o666
                ready[path] = stack.enter_context(
                    staged(path.parent, content, ".smartwatts-", mode)
                )
                if path.exists():
                    ready[path].chmod(mode)
        for path, partial in ready.items():
            with _failing_for(path):
                partial.replace(path)
    for folder in {path.parent for path in contents}:
        with _failing_for(folder):
            flush_folder(folder)
    return [str(path) for path in contents]


def check_replaceable(path: Path) -> None:
    """Raises UsageError where a name is that of a link, a device or a pipe: a file would take its
    place."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UsageError(f"{path} is no plain file", fix="name a file to write")


@contextmanager
def _failing_for(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SmartwattsError(
            f"cannot write {path}: {error.strerror or error}",
            fix="make room there, or name a folder that can be written to",
        ) from error


@contextmanager
def progress_bar(title: str, left: str = "what was finished is kept") -> Iterator[Any]:
    """Progress on standard error; yields ``report(text, share done in 0..1)``.

    A bar on a terminal, a line for each tenth elsewhere. ``left``: what somebody who stops
    the work finds, for the line that ends it then (exit code 130).
    """
    try:
        with _reporter(title) as report:
            yield report
    except KeyboardInterrupt:
        err.print(f"{title}: stopped; {left}", soft_wrap=True)
        raise


@contextmanager
def _reporter(title: str) -> Iterator[Any]:
    if not err.is_terminal:
        yield _line_reporter(title)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
    )
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
            err.print(f"{title}: {text}", soft_wrap=True)
        tenth = int(share * 10)

    return report
