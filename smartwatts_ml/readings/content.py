"""A file as it lies there → its content, unpacked, with its digest.

Packing is told by the first bytes, not by the name. What becomes of a file while it is read is
seen here: cut short, damaged, changed.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from smartwatts_ml.errors import BadInputError

__all__ = ["Content"]

_PIECE = 1 << 22
_START = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class Content:
    """What a file holds. ``name`` is the file for people; ``packing`` is "none", "gzip" or
    "zstd"; ``start``: the first 64 KiB, unpacked.

    ``digest`` is the SHA-256 of the content, unpacked, so that ``a.csv`` and ``a.csv.gz`` are
    the same; it holds after the iteration of ``pieces``. Raises BadInputError where the file
    cannot be read as a whole: of 0 bytes, cut short, damaged, changed since.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.packing = "none"
        self._hash = hashlib.sha256()
        self._before = path.stat()
        if self._before.st_size == 0:
            raise BadInputError(f"{name} is empty (0 bytes)", fix="wait until it is written")
        with self._opened() as stream:
            self.start: bytes = stream.read(_START)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    @property
    def size(self) -> int:
        """Bytes as it lies there."""
        return self._before.st_size

    def pieces(self) -> Iterator[bytes]:
        """All of it, from the start, at most 4 MiB at once."""
        self._hash = hashlib.sha256()
        with self._opened() as stream:
            while data := stream.read(_PIECE):
                self._hash.update(data)
                yield data
        self.check_unchanged()

    def read_through(self) -> None:
        """Nothing but the digest."""
        for _ in self.pieces():
            pass

    def check_unchanged(self) -> None:
        """Raises BadInputError where the file is another one by now."""
        after = self.path.stat()
        before = self._before
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise BadInputError(f"{self.name} changed while it was read", fix="try again later")

    def damaged(self, error: Exception) -> BadInputError:
        """What to say of content that cannot be read to its end."""
        return BadInputError(
            f"{self.name} is cut short or damaged: {error}", fix="copy it again, whole"
        )

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        try:
            with self.path.open("rb", buffering=0) as raw:
                yield self._unpacked(raw)
        except (EOFError, zlib.error, gzip.BadGzipFile, pa.ArrowException) as error:
            raise self.damaged(error) from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise self.damaged(error) from error  # Arrow's way to say so

    def _unpacked(self, raw: io.FileIO) -> IO[bytes]:
        magic = raw.read(4)
        raw.seek(0)
        start: Any = _Start(raw, self.size)
        if magic.startswith(_GZIP_MAGIC):
            self.packing = "gzip"
            return gzip.GzipFile(fileobj=start)  # type: ignore[return-value]
        if magic.startswith(_ZSTD_MAGIC):
            self.packing = "zstd"
            return pa.CompressedInputStream(pa.PythonFile(start, mode="r"), "zstd")
        return start  # type: ignore[no-any-return]


class _Start(io.RawIOBase):
    """The first ``size`` bytes of a file: one that grows as it is read still ends."""

    def __init__(self, file: io.FileIO, size: int) -> None:
        self._file = file
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data
