"""Objects by their key, with conditional writes, and a root.

A root is a directory or a prefix of an S3 bucket; everything that is kept lies below it.
The two conditional writes are what publishing, leases and Delta commits stand on, so a
server that ignores one of them is refused when its root is opened.
"""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path
from pkgutil import resolve_name

from smartwatts_ml.errors import UsageError
from smartwatts_ml.objects.base import Object, ObjectInfo, Objects
from smartwatts_ml.objects.directory import DirectoryObjects

__all__ = ["Object", "ObjectInfo", "Objects", "open_root"]


_OPENERS = {
    "file": "smartwatts_ml.objects:_open_directory",
    "s3": "smartwatts_ml.objects.s3:open_s3_root",
    "http": "smartwatts_ml.objects.http:open_http_root",
    "https": "smartwatts_ml.objects.http:open_http_root",
}
"""Who opens the URLs of a scheme; loaded then, so that a directory needs no S3 client."""


def open_root(url: str, *, writable: bool = True) -> Objects:
    """Open a path, ``file:///…`` or ``s3://bucket/prefix``; for reading ``https://…`` too.

    A directory is created if absent. The first time that a process opens an S3 root, both
    conditional writes are tried on it for real. Neither is done if not ``writable``, so
    that reading needs no more than permission to read.
    """
    if not url:
        raise UsageError("the root is empty", fix="give a path or s3://bucket/prefix")
    if "@" in urllib.parse.urlsplit(url).netloc:
        raise UsageError(
            "the root's address holds a user or a password",
            fix="keep them where they are not printed: AWS's own settings, or a file",
        )
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", url)
    if scheme is None:
        return DirectoryObjects(Path(url).expanduser(), create=writable)
    opener = _OPENERS.get(scheme[1].lower())
    if opener is None:
        raise UsageError(
            f"cannot open root {url}", fix="give a path, file:///path or s3://bucket/prefix"
        )
    opened: Objects = resolve_name(opener)(url, writable=writable)
    return opened


def _open_directory(url: str, *, writable: bool) -> Objects:
    parts = urllib.parse.urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise UsageError(f"cannot open root {url}", fix="file URLs take the form file:///path")
    return DirectoryObjects(Path(urllib.parse.unquote(parts.path)), create=writable)
