"""Requests that write take turns, where Airflow's database is SQLite.

Airflow 3.3 writes its audit log on the event loop that serves all requests. On SQLite that waits
for the request that has written and not committed yet; and its commit waits for the loop. Both
stood still until SQLite gave up, after a minute, and one of them was answered with 500.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["WritersTakeTurns"]

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_Application = Callable[[MutableMapping[str, Any], _Receive, _Send], Awaitable[None]]

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class WritersTakeTurns:
    """ASGI middleware around all of the API server, the tasks' own API too."""

    def __init__(self, app: _Application) -> None:
        self._app = app
        self._turn = asyncio.Lock()

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send
    ) -> None:
        """A request waits for its turn once it has arrived whole, so that a slow client keeps
        nobody waiting."""
        if scope["type"] != "http" or scope["method"] in _READING:
            await self._app(scope, receive, send)
            return
        arrived = [await receive()]
        while arrived[-1].get("more_body"):
            arrived.append(await receive())

        async def again() -> _Message:
            return arrived.pop(0) if arrived else await receive()

        async with self._turn:
            await self._app(scope, again, send)
