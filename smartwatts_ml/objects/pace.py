"""How slow a server may be while it sends an object: by the byte none would end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from smartwatts_ml.errors import StoreError
from smartwatts_ml.objects.base import check_size

__all__ = ["Pace"]

_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Pace:
    """The least rate of an object's bytes, over all of it and after a grace."""

    grace_s: float = 15.0
    least_bytes_per_s: int = 1024

    def read(self, read1: Callable[[int], bytes], limit: int | None, where: str) -> bytes:
        """All that ``read1`` gives: whatever has arrived, at most so many bytes, none at the
        end. Raises TrustError where that is more than ``limit`` bytes, StoreError where it is
        too slow."""
        start, data = time.monotonic(), bytearray()
        while chunk := read1(_CHUNK_BYTES):
            data += chunk
            check_size(len(data), limit, where)
            taken = time.monotonic() - start
            if taken > self.grace_s and len(data) < self.least_bytes_per_s * taken:
                raise StoreError(f"cannot reach {where}: the server is too slow")
        return bytes(data)
