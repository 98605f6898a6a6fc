"""A web server on loopback that takes messages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

__all__ = ["Webhook", "webhook"]

Webhook = tuple[str, list[dict[str, Any]]]
"""Its address, and what it got, each with the ``auth`` that it came with."""


@contextmanager
def webhook(path: str = "") -> Iterator[Webhook]:
    """Refuses what is not at ``path``, where one is given."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken = path in ("", self.path)
            if taken:
                got.append({**json.loads(body), "auth": self.headers.get("Authorization")})
            self.send_response(200 if taken else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
