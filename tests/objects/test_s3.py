"""Objects on S3: unfit servers, lost answers, refusals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import (
    AlreadyExistsError,
    ChangedError,
    StoreError,
    UnfitServerError,
)
from smartwatts_ml.objects import open_root

WsgiApp = Callable[[dict[str, Any], Any], Any]


def ignoring(header: str) -> Callable[[WsgiApp], WsgiApp]:
    """A server that never sees one header."""

    def middleware(app: WsgiApp) -> WsgiApp:
        def forget(environ: dict[str, Any], start_response: Any) -> Any:
            environ.pop(header, None)
            return app(environ, start_response)

        return forget

    return middleware


@pytest.mark.slow
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

                def start_and_listen(status: str, *rest: Any) -> Any:
                    said.append(status)
                    return start_response(status, *rest)

                body = app(environ, start_and_listen)
                if said[0].startswith("200") and header in environ:
                    open_doors[0] = 1
                return body

        return answer

    return middleware


@pytest.mark.slow
@pytest.mark.parametrize("header", ["HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"])
def test_a_server_that_looks_and_then_writes_is_refused(
    start_s3_server: Any, use_s3: Any, header: str
) -> None:
    server = start_s3_server(look_then_write(header))
    use_s3(server)
    with pytest.raises(UnfitServerError, match="ignores"):
        open_root(f"s3://{server.new_bucket()}/x")


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


@pytest.mark.slow
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


@pytest.mark.slow
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
