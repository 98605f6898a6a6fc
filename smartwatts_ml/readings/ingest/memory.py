"""What an ingest takes from the operating system, it uses again."""

from __future__ import annotations

import ctypes

import pyarrow as pa

__all__ = ["share_memory"]

_M_ARENA_MAX = -8
_ARENAS = 2


def share_memory() -> None:
    """From now on threads take memory from the same two arenas of glibc's malloc, where the C
    library is that, and so does Arrow. With an arena for each thread, and a pool of Arrow's own,
    what one has freed no other uses: a third of the peak of a large ingest (mallopt(3),
    M_ARENA_MAX)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        pa.set_memory_pool(pa.system_memory_pool())
