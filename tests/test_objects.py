"""The verbs on objects, on a directory and on S3."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import (
    AlreadyExistsError,
    ChangedError,
    NotFoundError,
    StoreError,
    TrustError,
    UnfitServerError,
    UsageError,
)
from smartwatts_ml.objects import Objects, open_root

WsgiApp = Callable[[dict[str, Any], Any], Any]


@pytest.fixture
def objects(root_url: str) -> Objects:
    return open_root(root_url)


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
    objects.create("counter", b"0")

    def increment(_: int) -> None:
        while True:
            found = objects.read("counter")
            try:
                objects.replace("counter", str(int(found.data) + 1).encode(), found.etag)
                return
            except ChangedError:
                continue

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(increment, range(24)))
    assert objects.read("counter").data == b"24"


def test_no_increment_is_lost_between_processes(tmp_path: Path) -> None:
    code = (
        "import sys; from smartwatts_ml.objects import open_root\n"
        "from smartwatts_ml.errors import ChangedError\n"
        "o = open_root(sys.argv[1]); done = 0\n"
        "while done < 25:\n"
        "    f = o.read('c')\n"
        "    try: o.replace('c', str(int(f.data) + 1).encode(), f.etag); done += 1\n"
        "    except ChangedError: pass\n"
    )
    root = tmp_path / "root"
    open_root(str(root)).create("c", b"0")
    started = [subprocess.Popen([sys.executable, "-c", code, str(root)]) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert open_root(str(root)).read("c").data == b"75"


# Directories


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


@pytest.mark.parametrize("url", ["", "http://x/y", "file://host/x", "s3://", "s3:///x", "gs://b"])
def test_other_roots_are_wrong_use(url: str) -> None:
    with pytest.raises(UsageError):
        open_root(url)


# S3


def ignoring(header: str) -> Callable[[WsgiApp], WsgiApp]:
    """A server that never sees one header."""

    def middleware(app: WsgiApp) -> WsgiApp:
        def forget(environ: dict[str, Any], start_response: Any) -> Any:
            environ.pop(header, None)
            return app(environ, start_response)

        return forget

    return middleware


@pytest.mark.parametrize(
    ("header", "named"),
    [("HTTP_IF_NONE_MATCH", "If-None-Match"), ("HTTP_IF_MATCH", r"If-Match")],
)
def test_a_server_that_ignores_a_condition_is_refused(
    start_s3_server: Any, use_s3: Any, header: str, named: str
) -> None:
    server = start_s3_server(ignoring(header))
    use_s3(server)
    root = f"s3://{server.new_bucket()}/x"
    with pytest.raises(UnfitServerError, match=rf"ignores .*\({named}\).*use a server"):
        open_root(root)
    keys = [info.key for info in open_root(root, writable=False).list()]
    assert keys == [".selftest/conditional-writes"]


def look_then_write(header: str) -> Callable[[WsgiApp], WsgiApp]:
    """A server that honours one condition alone, but not in a race: it looks at the first
    request of four, and lets the other three through as it would have then."""

    def middleware(app: WsgiApp) -> WsgiApp:
        lock, open_doors = threading.Lock(), [0]

        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            if header not in environ or environ["REQUEST_METHOD"] != "PUT":
                return app(environ, start_response)
            with lock:
                said: list[str] = []
                if open_doors[0]:
                    open_doors[0] -= 1
                    environ = {k: v for k, v in environ.items() if k != header}
                body = app(
                    environ, lambda status, *_: said.append(status) or start_response(status, *_)
                )
                if said[0].startswith("200") and header in environ:
                    open_doors[0] = 1
                return body

        return answer

    return middleware


@pytest.mark.parametrize("header", ["HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"])
def test_a_server_that_looks_and_then_writes_is_refused(
    start_s3_server: Any, use_s3: Any, header: str
) -> None:
    server = start_s3_server(look_then_write(header))
    use_s3(server)
    with pytest.raises(UnfitServerError, match="ignores"):
        open_root(f"s3://{server.new_bucket()}/x")


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
        lambda: objects.delete("a b/x"),
        lambda: list(objects.list()),
    ):
        with pytest.raises(UsageError):
            forbidden()


def test_the_self_test_runs_once_a_process_and_reuses_its_object(s3_root: str) -> None:
    first = open_root(s3_root)
    found = [(info.key, info.etag) for info in first.list()]
    assert [key for key, _ in found] == [".selftest/conditional-writes"]
    assert [(info.key, info.etag) for info in open_root(s3_root).list()] == found
    first.self_test()  # type: ignore[attr-defined]
    assert [info.key for info in first.list()] == [".selftest/conditional-writes"]


def test_reading_a_root_writes_nothing(s3_root: str, tmp_path: Path) -> None:
    assert list(open_root(s3_root, writable=False).list()) == []
    assert list(open_root(str(tmp_path / "none"), writable=False).list()) == []
    assert not (tmp_path / "none").exists()


def answering(script: list[str]) -> Callable[[WsgiApp], WsgiApp]:
    """A server that, per PUT, first takes the next word of ``script``: "lost" does the
    work and then answers 503, "conflict" answers 409 without doing it."""

    def middleware(app: WsgiApp) -> WsgiApp:
        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            word = script.pop(0) if script and environ["REQUEST_METHOD"] == "PUT" else "ok"
            if word == "ok":
                return app(environ, start_response)
            if word == "lost":
                app(environ, lambda *_: None)
            code, text = {"lost": ("503", "SlowDown")}.get(word, (word[:3], word[4:]))
            start_response(f"{code} {text}", [("Content-Type", "application/xml")])
            return [f"<Error><Code>{text}</Code><Message>{text}</Message></Error>".encode()]

        return answer

    return middleware


def test_ones_own_success_is_not_taken_for_anothers(start_s3_server: Any, use_s3: Any) -> None:
    script: list[str] = []
    server = start_s3_server(answering(script))
    use_s3(server)
    objects = open_root(f"s3://{server.new_bucket()}/x")
    script[:] = ["lost"]
    etag = objects.create("a", b"mine")
    assert objects.read("a") == type(objects.read("a"))(b"mine", etag)
    script[:] = ["lost"]
    assert objects.replace("a", b"again", etag) == objects.read("a").etag


def test_a_retried_write_that_another_won_is_not_ones_own(
    start_s3_server: Any, use_s3: Any
) -> None:
    script: list[str] = []
    server = start_s3_server(answering(script))
    use_s3(server)
    objects = open_root(f"s3://{server.new_bucket()}/x")
    stale = objects.create("a", b"theirs")
    objects.replace("a", b"newer", stale)
    script[:] = ["503 SlowDown"]
    with pytest.raises(AlreadyExistsError):
        objects.create("a", b"mine")
    script[:] = ["409 ConditionalRequestConflict", "409 ConditionalRequestConflict"]
    with pytest.raises(ChangedError):
        objects.replace("a", b"mine", stale)


def test_a_conflict_that_passes_is_tried_again(start_s3_server: Any, use_s3: Any) -> None:
    script: list[str] = []
    server = start_s3_server(answering(script))
    use_s3(server)
    objects = open_root(f"s3://{server.new_bucket()}/x")
    script[:] = ["409 ConditionalRequestConflict"]
    objects.create("a", b"mine")
    assert objects.read("a").data == b"mine"


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("403 InvalidAccessKeyId", "credentials refused.*AWS_ACCESS_KEY_ID"),
        ("403 SignatureDoesNotMatch", "credentials refused.*AWS_SECRET_ACCESS_KEY"),
        ("403 AccessDenied", "no permission for PutObject.*below the root"),
        ("501 NotImplemented", "does not implement"),
    ],
)
def test_a_refusal_is_one_line_with_a_fix(
    start_s3_server: Any, use_s3: Any, answer: str, line: str
) -> None:
    script: list[str] = []
    server = start_s3_server(answering(script))
    use_s3(server)
    bucket = server.new_bucket()
    script[:] = [answer]
    with pytest.raises(StoreError, match=line) as caught:
        open_root(f"s3://{bucket}/x")
    assert "\n" not in str(caught.value)


def test_an_unknown_bucket_is_named(s3_root: str) -> None:
    with pytest.raises(StoreError, match=r"no such bucket: s3://not-there/x.*create the bucket"):
        open_root("s3://not-there/x")


def test_an_endpoint_that_nobody_answers_is_named(
    s3_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreError, match=r"cannot reach.*127.0.0.1:9.*AWS_ENDPOINT_URL_S3"):
        open_root(s3_root)


def test_missing_credentials_are_named(s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StoreError, match=r"no credentials for s3.*AWS_ACCESS_KEY_ID"):
        open_root(s3_root + "/other")


@pytest.mark.parametrize("endpoint", ["nonsense", "http://"])
def test_an_endpoint_that_is_no_url_is_named(
    s3_root: str, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    with pytest.raises(StoreError, match="AWS_ENDPOINT_URL_S3"):
        open_root(s3_root)


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
