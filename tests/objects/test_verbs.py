"""The verbs on objects, on every sort of root."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import (
    AlreadyExistsError,
    ChangedError,
    NotFoundError,
    TrustError,
    UsageError,
)
from smartwatts_ml.objects import Objects, open_root


def keys(objects: Objects, prefix: str = "") -> list[str]:
    return [info.key for info in objects.list(prefix) if not info.key.startswith(".selftest/")]


def test_a_created_object_is_read_back_with_its_etag(objects: Objects) -> None:
    etag = objects.create("a/b.json", b"one")
    assert objects.read("a/b.json").data == b"one"
    assert objects.read("a/b.json").etag == etag
    assert objects.info("a/b.json").etag == etag
    assert next(objects.list("a/")).etag == etag


def test_create_leaves_an_object_that_is_there(objects: Objects) -> None:
    objects.create("a", b"one")
    with pytest.raises(AlreadyExistsError):
        objects.create("a", b"two")
    assert objects.read("a").data == b"one"


def test_replace_wants_the_newest_etag(objects: Objects) -> None:
    first = objects.create("a", b"1")
    second = objects.replace("a", b"2", first)
    with pytest.raises(ChangedError):
        objects.replace("a", b"3", first)
    assert objects.replace("a", b"4", second) == objects.read("a").etag
    assert objects.read("a").data == b"4"


def test_replace_of_a_missing_object_is_a_change(objects: Objects) -> None:
    etag = objects.create("a", b"1")
    with pytest.raises(ChangedError):
        objects.replace("b", b"1", etag)
    assert not objects.exists("b")


def test_quick_replacements_of_one_size_never_share_an_etag(objects: Objects) -> None:
    etags = [objects.create("a", b"0000")]
    for number in range(1, 40):
        etags.append(objects.replace("a", b"%04d" % number, etags[-1]))
    assert len(set(etags)) == len(etags)


def test_a_missing_object_is_not_found(objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        objects.read("none")
    with pytest.raises(NotFoundError):
        objects.info("none")
    with pytest.raises(NotFoundError):
        objects.fetch("none", tmp_path / "copy")
    assert not objects.exists("none")


def test_list_is_recursive_sorted_and_by_prefix(objects: Objects) -> None:
    for key in ("b", "a/z", "a/y/x", "a.csv", "a-b/c", "ab"):
        objects.create(key, key.encode())
    assert keys(objects) == sorted(["b", "a/z", "a/y/x", "a.csv", "a-b/c", "ab"])
    assert keys(objects, "a/") == ["a/y/x", "a/z"]
    assert keys(objects, "a/y") == ["a/y/x"]
    assert keys(objects, "a") == ["a-b/c", "a.csv", "a/y/x", "a/z", "ab"]
    assert keys(objects, "none/") == []


def test_list_says_size_and_time(objects: Objects) -> None:
    objects.create("a", b"12345")
    info = next(objects.list("a"))
    assert info.size == 5
    assert info.modified.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - info.modified) < timedelta(minutes=1)


def test_write_takes_whatever_is_there(objects: Objects) -> None:
    objects.write("a", b"1")
    etag = objects.write("a", b"2")
    assert objects.read("a") == type(objects.read("a"))(b"2", etag)


def test_files_go_up_and_come_down(objects: Objects, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(300_000))
    objects.upload("deep/file", source)
    objects.upload("deep/file", source)
    objects.fetch("deep/file", tmp_path / "new folder" / "copy")
    assert (tmp_path / "new folder" / "copy").read_bytes() == source.read_bytes()
    assert sorted(p.name for p in (tmp_path / "new folder").iterdir()) == ["copy"]


@pytest.mark.slow
@pytest.mark.parametrize("key", ["", "/a", "a/", "../a", "a/../b", "a//b", "./a", "a\0"])
def test_a_key_cannot_leave_the_root(objects: Objects, key: str) -> None:
    with pytest.raises(UsageError):
        objects.create(key, b"")
    with pytest.raises(UsageError):
        objects.read(key)


def test_of_many_creators_one_wins(objects: Objects) -> None:
    def try_create(number: int) -> bool:
        try:
            objects.create("a", str(number).encode())
        except AlreadyExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [n for n, ok in enumerate(pool.map(try_create, range(16))) if ok]
    assert [objects.read("a").data] == [str(n).encode() for n in won]


def test_no_increment_is_lost_between_threads(objects: Objects) -> None:
    def increment(_: int) -> None:
        objects.update("counter", lambda data: str(int(data or 0) + 1).encode())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(increment, range(24)))
    assert objects.read("counter").data == b"24"


def test_an_update_changes_what_is_there_and_gives_it_back(objects: Objects) -> None:
    assert objects.update("a", lambda data: b"new" if data is None else b"") == b"new"
    assert objects.update("a", lambda data: (data or b"") + b"er") == b"newer"
    assert objects.read("a").data == b"newer"


def test_an_update_without_a_change_writes_nothing(objects: Objects) -> None:
    etag = objects.create("a", b"1")
    assert objects.update("a", lambda data: data or b"") == b"1"
    assert objects.read("a").etag == etag


def test_an_update_that_raises_writes_nothing(objects: Objects) -> None:
    def refuse(_: bytes | None) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        objects.update("a", refuse)
    assert not objects.exists("a")


def test_an_update_begins_anew_where_another_writer_was_quicker(objects: Objects) -> None:
    seen: list[bytes | None] = []

    def slow(data: bytes | None) -> bytes:
        if len(seen) < 2:  # a rival creates, and then replaces
            objects.write("a", b"rival %d" % len(seen))
        seen.append(data)
        return (data or b"") + b" and mine"

    assert objects.update("a", slow, seen=None) == b"rival 1 and mine"
    assert seen == [None, b"rival 0", b"rival 1"]


def test_an_update_that_never_gets_through_ends_with_an_error(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    rivals = count()

    def outpaced(_: bytes | None) -> bytes:
        objects.write("a", b"rival %d" % next(rivals))
        return b"mine"

    monkeypatch.setattr("smartwatts_ml.objects.base._FIRST_PAUSE_S", 0.0)
    with pytest.raises(ChangedError, match=r"a is being replaced by others.*try again later"):
        objects.update("a", outpaced)
    assert next(rivals) == 20


def test_an_update_reads_no_more_than_its_limit(objects: Objects) -> None:
    objects.create("a", b"12345")
    with pytest.raises(TrustError, match="larger than the 4 bytes"):
        objects.update("a", lambda _: b"", limit=4)


@pytest.mark.parametrize("url", ["", "http://x/y", "file://host/x", "s3://", "s3:///x", "gs://b"])
def test_other_roots_are_wrong_use(url: str) -> None:
    with pytest.raises(UsageError):
        open_root(url)


def test_a_delete_is_done_once_and_may_be_repeated(objects: Objects) -> None:
    objects.create("a/b", b"1")
    objects.delete("a/b")
    objects.delete("a/b")
    assert not objects.exists("a/b")


def test_folders_are_named_without_what_is_in_them(objects: Objects) -> None:
    for key in ("models/b/x/y", "models/a/1", "models/a/2", "models/file"):
        objects.create(key, b"")
    assert list(objects.folders("models/")) == ["a", "b"]
    assert list(objects.folders("none/")) == []


def test_an_object_that_is_larger_than_it_can_be_is_refused(objects: Objects) -> None:
    objects.create("a", b"12345")
    assert objects.read("a", 5).data == b"12345"
    with pytest.raises(TrustError, match="larger than the 4 bytes"):
        objects.read("a", 4)


def test_a_web_root_can_be_read_and_nothing_else(tmp_path: Path, web_server: Any) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/x").write_bytes(b"12345")
    objects = open_root(web_server(tmp_path), writable=False)
    assert objects.read("a b/x").data == b"12345"
    assert objects.info("a b/x").size == 5
    objects.fetch("a b/x", tmp_path / "copy/x")
    assert (tmp_path / "copy/x").read_bytes() == b"12345"
    with pytest.raises(NotFoundError):
        objects.read("none")
    with pytest.raises(TrustError, match="larger than"):
        objects.read("a b/x", 4)
    for forbidden in (
        lambda: objects.create("y", b""),
        lambda: objects.replace("a b/x", b"", ""),
        lambda: objects.update("y", lambda _: b""),
        lambda: objects.write("y", b""),
        lambda: objects.delete("a b/x"),
        lambda: list(objects.list()),
    ):
        with pytest.raises(UsageError):
            forbidden()


def test_delta_tables_open_with_the_roots_own_options(objects: Objects) -> None:
    import pyarrow as pa
    from deltalake import DeltaTable, write_deltalake

    options = objects.storage_options()
    write_deltalake(objects.uri("readings"), pa.table({"x": [1, 2]}), storage_options=options)
    table = DeltaTable(objects.uri("readings"), storage_options=options)
    assert table.to_pyarrow_table()["x"].to_pylist() == [1, 2]
    assert any(info.key.endswith(".json") for info in objects.list("readings/_delta_log/"))


def test_a_directory_root_needs_no_boto3(tmp_path: Path) -> None:
    code = (
        "import sys; from smartwatts_ml.objects import open_root\n"
        "open_root(sys.argv[1]).create('a', b'1'); assert 'boto3' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
