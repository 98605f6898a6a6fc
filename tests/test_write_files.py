"""Files that a command leaves: all of them or none, whatever happens meanwhile."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smartwatts_ml.commands.common import write_files
from smartwatts_ml.errors import SmartwattsError, UsageError

ROOM = 4096
"""Bytes of the largest file that the disk takes."""


@contextmanager
def full_disk() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_full_disk_leaves_what_was_there_and_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "m.keras").write_bytes(b"the one before")
    (tmp_path / "m.tflite").write_bytes(b"its file")
    before = contents(tmp_path)
    too_large = {tmp_path / "m.keras": b"new", tmp_path / "m.tflite": bytes(ROOM + 1)}
    with full_disk(), pytest.raises(SmartwattsError, match=r"cannot write .*m\.tflite: .*room"):
        write_files(too_large)
    assert contents(tmp_path) == before


def test_a_place_that_cannot_be_had_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SmartwattsError, match="name a folder that can be written") as raised:
        write_files({tmp_path / "file" / "m.tflite": b"new"})
    assert raised.value.exit_code == 1


def test_no_file_has_its_name_before_all_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at once do not meet either: what waits has a name of its own."""
    steps: list[str] = []
    rename, flush = Path.replace, os.fsync

    def renamed(self: Path, target: Path) -> Path:
        steps.append(target.name)
        return rename(self, target)

    def flushed(handle: int) -> None:
        steps.append("flush")
        flush(handle)

    monkeypatch.setattr(Path, "replace", renamed)
    monkeypatch.setattr(os, "fsync", flushed)
    taken = tmp_path / ".m.tflite.part"
    taken.mkdir()
    write_files({tmp_path / "m.keras": b"1", tmp_path / "m.tflite": b"2"})
    assert steps == ["flush", "flush", "m.keras", "m.tflite", "flush"]
    taken.rmdir()
    assert contents(tmp_path) == {"m.keras": b"1", "m.tflite": b"2"}


def test_what_is_no_plain_file_keeps_its_place(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name in ("pipe", "link"):
        with pytest.raises(UsageError, match=f"{name} is no plain file"):
            write_files({tmp_path / "good": b"new", tmp_path / name: b"new"})
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "link").is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "link"}
