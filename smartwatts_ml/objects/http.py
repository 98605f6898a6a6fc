"""Objects under a plain ``http(s)`` address: read one by one, never listed or written.

A server may be slow, silent, endless or lead elsewhere; each has an end here. Credentials are
headers, never part of the address, and are sent to no other one.
"""

from __future__ import annotations

import http.client
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO

from smartwatts_ml.errors import DeniedError, NotFoundError, StoreError, UsageError
from smartwatts_ml.objects.base import Object, ObjectInfo, ReadOnlyObjects, check_key, check_size
from smartwatts_ml.objects.pace import Pace

__all__ = ["HttpObjects", "Patience", "open_http_root"]

_LEAST_PAUSE = 0.5


@dataclass(frozen=True)
class Patience:
    """How long a server may be silent; how often a request is tried, and how long the first pause
    is, which doubles."""

    silence_s: float = 15.0
    attempts: int = 4
    first_pause_s: float = 0.25


class _TryAgainError(StoreError):
    """What may go well another time."""


def open_http_root(
    url: str, *, writable: bool = True, headers: Mapping[str, str] | None = None
) -> HttpObjects:
    """Open the address of a root on the web, which nothing can be written to this way;
    ``headers`` go with every request. Raises UsageError."""
    parts = urllib.parse.urlsplit(url)
    if parts.username or parts.password:
        raise UsageError(
            "the root has credentials in it, where others see them",
            fix="put them in a file: --header-file",
        )
    if not parts.hostname or parts.query or parts.fragment:
        raise UsageError("the root is no address of a folder", fix="https://host/path")
    if writable:
        raise UsageError(
            f"cannot open root {url} to write", fix="give a path or s3://bucket/prefix"
        )
    return HttpObjects(url, headers or {})


class HttpObjects(ReadOnlyObjects):
    """A root that a web server offers, e.g. a bucket's public address or a mirror of it."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._headers = dict(headers or {})
        self._patience, self._pace = Patience(), Pace()
        self._opener = urllib.request.build_opener(_Redirects(followed=not self._headers))

    def read(self, key: str, limit: int | None = None) -> Object:
        for attempt in range(self._patience.attempts):
            if attempt:
                pause = self._patience.first_pause_s * 2 ** (attempt - 1)
                time.sleep(random.uniform(_LEAST_PAUSE, 1) * pause)
            try:
                return self._read_once(key, limit)
            except _TryAgainError as error:
                trouble = error
        raise StoreError(str(trouble))

    def info(self, key: str) -> ObjectInfo:
        with self._answer(key, "HEAD") as answer:
            headers = answer.headers
        modified = headers.get("Last-Modified")
        written = parsedate_to_datetime(modified) if modified else datetime.fromtimestamp(0, UTC)
        return ObjectInfo(
            key,
            _length(headers) or 0,
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
        """A key may be in percent form already."""
        return f"{self.url}/{urllib.parse.quote(check_key(key), '/%')}" if key else self.url

    def storage_options(self) -> dict[str, str]:
        return {}

    def _read_once(self, key: str, limit: int | None) -> Object:
        where = self.uri(key)
        with self._answer(key, "GET") as answer:
            size = _length(answer.headers)
            check_size(size or 0, limit, where)
            data = self._pace.read(answer.read1, limit, where)
            if size is not None and len(data) < size:
                raise _TryAgainError(f"{where} breaks off after {len(data)} of {size} bytes")
            return Object(data, answer.headers.get("ETag") or "")

    @contextmanager
    def _answer(self, key: str, method: str) -> Iterator[http.client.HTTPResponse]:
        where = self.uri(key)
        request = urllib.request.Request(where, method=method, headers=self._headers)
        try:
            with self._opener.open(request, timeout=self._patience.silence_s) as answer:
                if answer.status != 200:
                    raise StoreError(f"{where} answers {answer.status}")
                yield answer
        except urllib.error.HTTPError as error:
            raise _refused(error.code, where) from error
        except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise _TryAgainError(f"cannot reach {where}: {reason!s}") from error

    def refusal(self) -> UsageError:
        return UsageError(
            f"{self.url} can only be read", fix="to write, give a path or s3://bucket/prefix"
        )

    def _unlisted(self) -> UsageError:
        return UsageError(f"{self.url} cannot be listed", fix="name the models")


def _length(headers: Message) -> int | None:
    text = (headers.get("Content-Length") or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _refused(status: int, where: str) -> StoreError:
    what = f"{where} answers {status}"
    if status in (404, 410):
        return NotFoundError(f"no object {where}")
    if status == 403:
        return DeniedError(what)
    return _TryAgainError(what) if status == 429 or status >= 500 else StoreError(what)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, none from https to http, and none where headers could leak."""

    max_redirections = 5

    def __init__(self, *, followed: bool) -> None:
        self._followed = followed

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        scheme = urllib.parse.urlsplit(newurl).scheme
        if not self._followed or (req.type == "https" and scheme != "https"):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
