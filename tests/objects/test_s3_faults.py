"""Every verb on an S3 server whose network and whose answers fail: once, and each time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import AlreadyExistsError, ChangedError, StoreError
from smartwatts_ml.objects import Objects, open_root
from tests.conftest import S3Server
from tests.proxy import FAULTS, Behaviour, Proxy, Spoilt

pytestmark = pytest.mark.slow
BEFORE = b"before" * 100
AFTER = b"after" * 100


def opened(objects: Objects, key: str) -> bytes:
    with objects.open(key) as file:
        file.seek(7)
        return file.read(10)


def fetched(objects: Objects, key: str, folder: Path) -> bytes:
    objects.fetch(key, folder / "fetched")
    return (folder / "fetched").read_bytes()


def uploaded(objects: Objects, key: str, folder: Path) -> None:
    (folder / "local").write_bytes(AFTER)
    objects.upload(key, folder / "local")


READING: dict[str, Callable[[Objects, str, Path], Any]] = {
    "read": lambda o, key, _: o.read(key).data == BEFORE,
    "info": lambda o, key, _: o.info(key).size == len(BEFORE),
    "list": lambda o, key, _: [entry.key for entry in o.list(key)] == [key],
    "folders": lambda o, key, _: list(o.folders(key.rpartition("/")[0] + "/")) == [],
    "open": lambda o, key, _: opened(o, key) == BEFORE[7:17],
    "fetch": lambda o, key, folder: fetched(o, key, folder) == BEFORE,
}
WRITING: dict[str, Callable[[Objects, str, Path], Any]] = {
    "create": lambda o, key, _: o.create(f"{key}2", AFTER),
    "replace": lambda o, key, _: o.replace(key, AFTER, o.read(key).etag),
    "write": lambda o, key, _: o.write(key, AFTER),
    "update": lambda o, key, _: o.update(key, lambda _: AFTER),
    "upload": uploaded,
    "delete": lambda o, key, _: o.delete(key),
}


@pytest.fixture
def spoilt() -> Spoilt:
    return Spoilt()


@pytest.fixture
def objects(
    s3_server: S3Server, use_s3: Any, spoilt: Spoilt, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Objects]:
    """A root behind a proxy, whose client waits for nothing before it tries again."""
    use_s3(s3_server)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    with Proxy(s3_server.url, spoilt).served() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        yield open_root(f"s3://{s3_server.new_bucket()}/x")
        proxy.counts()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_fails_once_is_done_all_the_same(
    objects: Objects, spoilt: Spoilt, fault: Behaviour, tmp_path: Path
) -> None:
    for verb, holds in READING.items():
        objects.write(f"{verb}/a", BEFORE)
        spoilt.fault = fault
        assert holds(objects, f"{verb}/a", tmp_path), verb
        spoilt.fault = None
    for verb, act in WRITING.items():
        objects.write(f"{verb}/a", BEFORE)
        spoilt.met.clear()
        spoilt.fault = fault
        try:
            act(objects, f"{verb}/a", tmp_path)
        except (AlreadyExistsError, ChangedError):
            assert fault.__name__ == "twice"  # it met its own success, unseen
        spoilt.fault = None
        there = {entry.key: objects.read(entry.key).data for entry in objects.list(f"{verb}/")}
        wanted = {"create": {"create/a": BEFORE, "create/a2": AFTER}, "delete": {}}
        assert there == wanted.get(verb, {f"{verb}/a": AFTER})


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_fails_each_time_is_an_error_of_the_store(
    objects: Objects,
    spoilt: Spoilt,
    fault: Behaviour,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for verb, act in (READING | WRITING).items():
        objects.write(f"{verb}/a", BEFORE)
        spoilt.met.clear()
        spoilt.fault, spoilt.times = fault, math.inf
        try:
            act(objects, f"{verb}/a", tmp_path)
        except StoreError as error:
            assert "\n" not in str(error)
        else:
            assert fault.__name__ in ("twice", "slow") or verb == "delete"
        spoilt.fault = None
