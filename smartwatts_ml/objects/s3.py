"""Objects below a prefix of an S3 bucket, through boto3 and its own chain of settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from urllib3.exceptions import HTTPError, ReadTimeoutError

from smartwatts_ml.errors import (
    AlreadyExistsError,
    ChangedError,
    NotFoundError,
    StoreError,
    UsageError,
)
from smartwatts_ml.objects.access import access_in_force
from smartwatts_ml.objects.base import Object, ObjectInfo, Objects, check_key, check_size
from smartwatts_ml.objects.pace import Pace
from smartwatts_ml.objects.ranges import open_ranges
from smartwatts_ml.objects.s3_client import (
    DEFAULT_REGION,
    is_custom,
    make_client,
    make_session,
)
from smartwatts_ml.objects.s3_errors import as_store_errors, endpoint_fix, error_code, status
from smartwatts_ml.objects.selftest import (
    ATTEMPTS,
    TEST_KEY,
    check_conditional_writes,
    pause,
    unfit,
)

__all__ = ["S3Objects", "open_s3_root"]


class _BrokenOffError(Exception):
    """A body ended before it was whole."""


_fit_servers: set[tuple[str, str]] = set()
"""Endpoints and buckets that passed the self-test in this process."""


def open_s3_root(url: str, *, writable: bool = True) -> S3Objects:
    """Open ``s3://bucket/prefix``; if ``writable``, make sure that its server honours
    conditional writes."""
    bucket, _, prefix = url.split("://", 1)[1].partition("/")
    prefix = prefix.strip("/")
    if not bucket:
        raise UsageError(f"no bucket in root {url}", fix="give s3://bucket/prefix")
    if prefix:
        check_key(prefix)
    objects = S3Objects(bucket, prefix)
    server = (objects.endpoint, bucket)
    if writable and server not in _fit_servers:
        objects.self_test()
        _fit_servers.add(server)
    return objects


class S3Objects(Objects):
    """A root in a bucket; ``prefix`` has no slash at either end and may be empty."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._base = f"{prefix}/" if prefix else ""
        self._pace = Pace()
        access = access_in_force()
        try:
            with as_store_errors(self.url):
                self._session = make_session(access)
                endpoint = access.endpoint if access else ""
                self._client = make_client(self._session, endpoint)
        except ValueError as error:  # botocore's word for an endpoint that is no URL
            raise StoreError(f"cannot open {self.url}: {error}", fix=endpoint_fix()) from error
        self.endpoint: str = self._client.meta.endpoint_url

    def read(self, key: str, limit: int | None = None) -> Object:
        return self._get(key, limit)

    def _get(self, key: str, limit: int | None = None, **part: str) -> Object:
        for attempt in range(ATTEMPTS):
            try:
                with as_store_errors(self.uri(key)):
                    response = self._client.get_object(**self._at(key), **part)
                return Object(self._body(response, limit, self.uri(key)), response["ETag"])
            except _BrokenOffError:
                # boto3 retries requests, but not a body that breaks off.
                pause(attempt)
        raise StoreError(f"{self.uri(key)} breaks off each time it is read")

    def _body(self, response: Mapping[str, Any], limit: int | None, where: str) -> bytes:
        """A body, but never more of it than is due, whatever the server says of its length, nor
        slower than it may be. It is read from urllib3's stream, since boto3's tells nothing of
        what has arrived; TLS guards it on its way."""
        size: int | None = response.get("ContentLength")
        check_size(size or 0, limit, where)
        try:
            with response["Body"] as stream:
                data = self._pace.read(stream.read1, limit, where)
        except ReadTimeoutError as error:
            raise StoreError(f"cannot reach {where}: the server is silent") from error
        except HTTPError as error:
            raise _BrokenOffError from error
        if size is not None and len(data) < size:
            raise _BrokenOffError
        return data

    def info(self, key: str) -> ObjectInfo:
        with as_store_errors(self.uri(key)):
            entry = self._client.head_object(**self._at(key))
        return _info(key, entry["ContentLength"], entry)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        pages = self._client.get_paginator("list_objects_v2")
        with as_store_errors(self.url):
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._base + prefix):
                for item in page.get("Contents", ()):
                    key = item["Key"][len(self._base) :]
                    if key and not key.endswith("/"):  # folder markers of consoles
                        yield _info(key, item["Size"], item)

    def folders(self, prefix: str = "") -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2")
        base = self._base + prefix
        with as_store_errors(self.uri(prefix.rstrip("/"))):
            for page in pages.paginate(Bucket=self._bucket, Prefix=base, Delimiter="/"):
                for item in page.get("CommonPrefixes", ()):
                    yield item["Prefix"][len(base) : -1]

    def delete(self, key: str) -> None:
        with as_store_errors(self.uri(key)):
            self._client.delete_object(**self._at(key))

    def create(self, key: str, data: bytes) -> str:
        etag = self._put_if(key, data, IfNoneMatch="*")
        if etag is None:
            raise AlreadyExistsError(f"{self.uri(key)} is already there")
        return etag

    def replace(self, key: str, data: bytes, etag: str) -> str:
        after = self._put_if(key, data, IfMatch=etag)
        if after is None:
            raise ChangedError(f"{self.uri(key)} was changed by somebody else")
        return after

    def write(self, key: str, data: bytes) -> str:
        with as_store_errors(self.uri(key)):
            return str(self._client.put_object(**self._at(key), Body=data)["ETag"])

    def fetch(self, key: str, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with as_store_errors(self.uri(key)):
                self._client.download_file(
                    self._bucket, self._full(key), str(path), Config=_transfer()
                )
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror or error}") from error

    def open(self, key: str) -> BinaryIO:
        with as_store_errors(self.uri(key)):
            size = self._client.head_object(**self._at(key))["ContentLength"]

        def part(first: int, last: int) -> bytes:
            return self._get(key, Range=f"bytes={first}-{last}").data

        return open_ranges(part, size)

    def upload(self, key: str, path: Path) -> None:
        try:
            with as_store_errors(self.uri(key)):
                self._client.upload_file(
                    str(path), self._bucket, self._full(key), Config=_transfer()
                )
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror or error}") from error

    def uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{self._full(key)}" if key else self.url

    def storage_options(self) -> dict[str, str]:
        with as_store_errors(self.url):
            source = self._session.get_credentials()
            credentials = source.get_frozen_credentials() if source else None
        options = {
            "AWS_REGION": self._client.meta.region_name or DEFAULT_REGION,
            "AWS_CONDITIONAL_PUT": "etag",
        }
        if credentials:
            options["AWS_ACCESS_KEY_ID"] = credentials.access_key
            options["AWS_SECRET_ACCESS_KEY"] = credentials.secret_key
            if credentials.token:
                options["AWS_SESSION_TOKEN"] = credentials.token
            elif os.environ.get("AWS_SESSION_TOKEN"):  # delta-rs would send it with these keys
                raise UsageError(
                    "AWS_SESSION_TOKEN is set, and does not belong to the keys in use",
                    fix="unset it; a token of other keys belongs where those are",
                )
        if is_custom(self.endpoint):
            options["AWS_ENDPOINT_URL"] = self.endpoint
            options["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] = "false"
        if self.endpoint.startswith("http://"):
            options["AWS_ALLOW_HTTP"] = "true"
        return options

    def self_test(self) -> None:
        """Try both conditional writes on the server. Raises UnfitServerError."""

        def etag() -> str:
            return self.info(TEST_KEY).etag

        check_conditional_writes(self._probe, etag, self.endpoint)

    def _probe(self, condition: dict[str, str]) -> bool:
        """Whether the server took a conditional write of fresh bytes."""
        where, body = self.uri(TEST_KEY), os.urandom(16).hex().encode()
        try:
            with as_store_errors(where, passing=(ClientError,)):
                self._client.put_object(**self._at(TEST_KEY), Body=body, **condition)
        except ClientError as error:
            if _failed_condition(error):
                return False
            if status(error) == 501 or error_code(error) == "NotImplemented":
                raise unfit(self.endpoint, f"does not implement {' '.join(condition)}") from error
            with as_store_errors(where):
                raise
        return True

    def _put_if(self, key: str, data: bytes, **condition: str) -> str | None:
        """The new etag, or None where the condition does not hold."""
        retried = False
        for attempt in range(ATTEMPTS):
            try:
                with as_store_errors(self.uri(key), passing=(ClientError,)):
                    put = self._client.put_object(**self._at(key), Body=data, **condition)
                    return str(put["ETag"])
            except ClientError as error:
                if not _failed_condition(error):
                    with as_store_errors(self.uri(key)):
                        raise
                retried |= error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
                if status(error) != 409:
                    break
            # 409: another write of this key was under way, and either may have won.
            retried = True
            pause(attempt)
        return self._own(key, data) if retried else None

    def _own(self, key: str, data: bytes) -> str | None:
        """The etag if the object holds these bytes: a retried request can succeed the
        first time, unseen, and then fail on its own success."""
        try:
            stored = self.read(key)
        except NotFoundError:
            return None
        return stored.etag if stored.data == data else None

    def _full(self, key: str) -> str:
        return self._base + check_key(key)

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._full(key)}


def _info(key: str, size: int, entry: Mapping[str, Any]) -> ObjectInfo:
    # Some servers list milliseconds, and none can tell them in a header: one object, one time.
    written = entry["LastModified"].replace(microsecond=0)
    return ObjectInfo(key, size, entry["ETag"], modified=written, arrived=written)


def _transfer() -> TransferConfig:
    # One thread: files are small beside a request's latency, and Airflow forks.
    return TransferConfig(use_threads=False)


def _failed_condition(error: ClientError) -> bool:
    """Whether the object is not what the write expected; NoSuchKey: nothing to replace."""
    return status(error) in (409, 412) or error_code(error) == "NoSuchKey"
