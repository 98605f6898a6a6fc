"""Starts ministack on a socket that it was given: ``python ministack_server.py FD``.

Runs in ministack's own environment. It adds two things to the server: the condition keys
``s3:if-match`` and ``s3:if-none-match`` of AWS, which this version does not hand to
policies yet, and ``/requests``, which says how many requests there were.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import hypercorn.asyncio
import hypercorn.config
import ministack.app
from ministack.core import iam_actions

CONDITIONS = ("if-match", "if-none-match")
known_context = iam_actions.s3_service_context
requests = 0


def context_with_conditions(
    iam_action: str, query_params: Any, path: str = "", headers: Any = None
) -> Any:
    context = known_context(iam_action, query_params, path, headers)
    if iam_action == "s3:PutObject":
        given = {name: (headers or {}).get(name) for name in CONDITIONS}
        context |= {f"s3:{name}": value for name, value in given.items() if value}
    return context


async def counted(scope: Any, receive: Any, send: Any) -> None:
    global requests
    if scope["type"] == "http" and scope["path"] == "/requests":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(requests).encode()})
        return
    requests += scope["type"] == "http"
    await ministack.app.app(scope, receive, send)


if __name__ == "__main__":
    iam_actions.s3_service_context = context_with_conditions
    config = hypercorn.config.Config()
    config.bind = [f"fd://{sys.argv[1]}"]
    config.loglevel = "ERROR"
    asyncio.run(hypercorn.asyncio.serve(counted, config))
