"""What a case of a pull may change, and how the pull has to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.store.tuf_repository import Repository

__all__ = [
    "DONE",
    "METADATA",
    "THERE",
    "TRUST",
    "USE",
    "Case",
    "Lab",
    "change",
    "file_of",
    "next_root",
]

METADATA = ("timestamp", "snapshot", "targets", "nilm")
DONE, USE, THERE, TRUST = 0, 2, 3, 4


@dataclass
class Lab:
    """What a case may change: the repository, the client's folder, and what it is asked for."""

    repository: Repository
    old: Repository
    """As it was when the client pulled."""
    folder: Path
    pinned: Path
    models: list[str] = field(default_factory=lambda: ["nilm"])
    options: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    candidate: Repository = field(init=False)
    """As it was when a third version was a candidate for everybody."""


@dataclass(frozen=True)
class Case:
    """``code``: the exit code; ``text``: what lies in ``nilm.tflite`` afterwards, None where it is
    as it was; ``before``: what the client pulled before: nothing, the old or the new one, the
    one with a candidate, or that in which it was halted; ``ring``: what is noted of the version."""

    name: str
    change: Callable[[Lab], None]
    code: int
    text: str | None = None
    before: str = "old"
    ring: str = "champion"


def file_of(name: str, lab: Lab) -> Path:
    """One of nilm's files."""
    return lab.repository.root / "models/nilm" / name


def next_root(lab: Lab) -> Path:
    """Where the second root is, or is to be."""
    return lab.repository.metadata / "2.root.json"


def change(fields: Any, at: str, value: Any) -> None:
    """Change a field; ``at`` is a path of names with ``~`` for a slash inside of one, and ``-``
    before the last to remove it."""
    *above, last = (part.replace("~", "/") for part in at.split("/"))
    for name in above:
        if isinstance(fields, dict):
            fields.setdefault(name, {})
        fields = fields[int(name)] if isinstance(fields, list) else fields[name]
    if last.startswith("-"):
        del fields[last[1:]]
    else:
        fields[last] = value
