"""Objects in a directory: what a file system can do to them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smartwatts_ml.errors import (
    AlreadyExistsError,
    StoreError,
)
from smartwatts_ml.objects import open_root


def test_no_increment_is_lost_between_processes(tmp_path: Path) -> None:
    code = (
        "import sys; from smartwatts_ml.objects import open_root\n"
        "o = open_root(sys.argv[1])\n"
        "for _ in range(25): o.update('c', lambda data: str(int(data) + 1).encode())"
    )
    root = tmp_path / "root"
    open_root(str(root)).create("c", b"0")
    started = [subprocess.Popen([sys.executable, "-c", code, str(root)]) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert open_root(str(root)).read("c").data == b"75"


def test_temporary_files_and_the_lock_are_never_listed(tmp_path: Path) -> None:
    objects = open_root(str(tmp_path))
    objects.replace("a", b"2", objects.create("a", b"1"))
    (tmp_path / ".tmp-left-by-a-crash").write_bytes(b"")
    assert [info.key for info in objects.list("")] == ["a"]


def test_a_failed_write_leaves_no_file(tmp_path: Path) -> None:
    objects = open_root(str(tmp_path))
    objects.create("d/a", b"1")
    with pytest.raises(AlreadyExistsError):
        objects.create("d/a", b"2")
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["a"]


def test_a_link_that_loops_is_listed_once(tmp_path: Path) -> None:
    objects = open_root(str(tmp_path / "root"))
    objects.create("landing/a.csv", b"1")
    (tmp_path / "root/landing/loop").symlink_to(tmp_path / "root/landing")
    assert [info.key for info in objects.list("landing/")] == ["landing/a.csv"]


def test_a_linked_folder_is_listed(tmp_path: Path) -> None:
    objects = open_root(str(tmp_path / "root"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.csv").write_bytes(b"1")
    (tmp_path / "root/landing").symlink_to(tmp_path / "elsewhere")
    assert [info.key for info in objects.list("landing/")] == ["landing/a.csv"]


def test_a_file_system_without_hard_links_still_creates_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    objects = open_root(str(tmp_path))
    etag = objects.create("a", b"1")
    with pytest.raises(AlreadyExistsError):
        objects.create("a", b"2")
    assert objects.read("a").etag == etag


def test_a_full_disk_is_one_line_with_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot write .*/a: No space left.*free some space"):
        open_root(str(tmp_path)).create("a", b"1")


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot open"):
        open_root(str(tmp_path / "file"))


def test_file_urls_are_paths(tmp_path: Path) -> None:
    objects = open_root(f"file://{tmp_path}/a%20b")
    objects.create("x", b"1")
    assert (tmp_path / "a b" / "x").read_bytes() == b"1"
    assert objects.uri("x") == str(tmp_path / "a b" / "x")
    assert objects.storage_options() == {}
