"""Work that is done in threads a little ahead of who needs it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["map_ahead"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def map_ahead(
    work: Callable[[_Item], _Result], items: Iterable[_Item], threads: int, ahead: int = 0
) -> Iterator[_Result]:
    """Results in the order of the items, of which at most ``ahead`` (``threads``, if that is
    more) + 1 wait at a time, so that memory does not grow with their number.

    >>> list(map_ahead(lambda number: number * 2, range(4), threads=2))
    [0, 2, 4, 6]
    """
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > max(threads, ahead):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
