"""Objects under a plain ``http(s)`` address: read one by one, never listed or written."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from smartwatts_ml.errors import NotFoundError, StoreError, UsageError
from smartwatts_ml.objects.base import Object, ObjectInfo, ReadOnlyObjects, check_key, check_size

__all__ = ["HttpObjects", "open_http_root"]

_TIMEOUT_S = 60


def open_http_root(url: str, *, writable: bool = True) -> HttpObjects:
    """Open the address of a root on the web, which nothing can be written to this way."""
    if writable:
        raise UsageError(
            f"cannot open root {url} to write", fix="give a path or s3://bucket/prefix"
        )
    return HttpObjects(url)


class HttpObjects(ReadOnlyObjects):
    """A root that a web server offers, e.g. a bucket's public address or a mirror of it."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def read(self, key: str, limit: int | None = None) -> Object:
        where = self.uri(key)
        with self._answer(key, "GET") as answer:
            size = int(answer.headers.get("Content-Length") or 0)
            check_size(size, limit, where)
            data = answer.read() if limit is None else answer.read(limit + 1)
            check_size(len(data), limit, where)
            if len(data) < size:
                raise StoreError(f"{where} breaks off after {len(data)} of {size} bytes")
            return Object(data, answer.headers.get("ETag") or "")

    def info(self, key: str) -> ObjectInfo:
        with self._answer(key, "HEAD") as answer:
            headers = answer.headers
        modified = headers.get("Last-Modified")
        written = parsedate_to_datetime(modified) if modified else datetime.fromtimestamp(0, UTC)
        return ObjectInfo(
            key,
            int(headers.get("Content-Length") or 0),
            headers.get("ETag") or "",
            modified=written,
            arrived=written,
        )

    def fetch(self, key: str, path: Path) -> None:
        data = self.read(key).data
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror or error}") from error

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        raise self._unlisted()

    def folders(self, prefix: str = "") -> Iterator[str]:
        raise self._unlisted()

    def uri(self, key: str) -> str:
        return f"{self.url}/{urllib.parse.quote(check_key(key))}" if key else self.url

    def storage_options(self) -> dict[str, str]:
        return {}

    @contextmanager
    def _answer(self, key: str, method: str) -> Iterator[http.client.HTTPResponse]:
        where = self.uri(key)
        request = urllib.request.Request(where, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                raise NotFoundError(f"no object {where}") from error
            raise StoreError(f"{where} answers {error.code} {error.reason}") from error
        except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise StoreError(f"cannot reach {where}: {reason!s}") from error

    def refusal(self) -> UsageError:
        return UsageError(
            f"{self.url} can only be read", fix="to write, give a path or s3://bucket/prefix"
        )

    def _unlisted(self) -> UsageError:
        return UsageError(f"{self.url} cannot be listed", fix="name the models")
