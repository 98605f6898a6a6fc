"""A proxy on loopback before an S3 server, which spoils requests as networks and servers do."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import io
import json
import sys
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

__all__ = [
    "Behaviour",
    "COUNTS",
    "FAULTS",
    "Proxy",
    "RandomFaults",
    "Request",
    "Spoilt",
    "drips",
    "drips_headers",
]

COUNTS = "/-/counts"
"""Answered by the proxy itself, once nothing is on its way any more: how often it did what."""
_SLOW_S = 0.1
_LATE_S = 0.6


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class _Lines:
    """What a client sends, and the ``last`` line of it that was read as one."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self.last = b""

    def readline(self, limit: int = -1) -> bytes:
        self.last = self._stream.readline(limit)
        return self.last

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Request(http.server.BaseHTTPRequestHandler):
    """A request of a client, whose connection is closed where nothing is answered."""

    server: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.rfile = self._lines = _Lines(self.rfile)  # type: ignore[assignment]

    def _take(self) -> None:
        if self._lines.last.strip() or not self._lines.last:  # the client died amid its headers
            self.close_connection = True
            return
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        self.answered = False
        if len(self.body) < length:  # the client died
            self.close_connection = True
            return
        if self.path == COUNTS:
            self.answer(Answer(200, [], json.dumps(self.server.counts()).encode()))
            return
        with self.server.on_its_way(), contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.server.behaviour(self)
        self.close_connection |= not self.answered

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = _take  # noqa: N815 - their names are given

    @property
    def is_conditional(self) -> bool:
        """Whether it writes under a condition."""
        return self.command == "PUT" and bool({"If-Match", "If-None-Match"} & set(self.headers))

    def forward(self) -> Answer:
        """Hand it to the server as it came, signature and all."""
        connection = http.client.HTTPConnection(self.server.upstream, timeout=60)
        with contextlib.closing(connection):
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect"):
                    connection.putheader(name, value)
            connection.endheaders(self.body)
            got = connection.getresponse()
            return Answer(got.status, got.getheaders(), got.read())

    def answer(self, answer: Answer, share: float = 1.0) -> None:
        """Tell the client what the server said, and of the body only a share."""
        self.start(answer)
        self.wfile.write(answer.body[: int(len(answer.body) * share)])
        self.answered = share == 1.0

    def start(self, answer: Answer) -> None:
        """Tell the client status and headers."""
        self.send_response_only(answer.status)
        length = str(len(answer.body))
        for name, value in answer.headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()

    def refuse(self, status: int, code: str) -> None:
        """An error as S3 words it."""
        error = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        self.answer(Answer(status, [("Content-Type", "application/xml")], error))

    def log_message(self, *_: object) -> None:
        pass


Behaviour = Callable[[Request], None]


class Proxy(http.server.ThreadingHTTPServer):
    """Hands requests to the server at ``upstream``, a URL, as ``behaviour`` says."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: str, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.upstream = urllib.parse.urlsplit(upstream).netloc
        self.behaviour = behaviour
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.over = threading.Event()
        self._did: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._on_their_way = 0

    @contextmanager
    def on_its_way(self) -> Iterator[None]:
        """While this lasts, a request may still reach the server."""
        with self._changed:
            self._on_their_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._on_their_way -= 1
                self._changed.notify_all()

    def count(self, what: str) -> None:
        with self._changed:
            self._did[what] += 1

    def counts(self) -> dict[str, int]:
        """How often it did what, once nothing is on its way any more."""
        with self._changed:
            self._changed.wait_for(lambda: not self._on_their_way)
            return dict(self._did)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that died is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @contextmanager
    def served(self) -> Iterator[Proxy]:
        """It answers while this lasts."""
        thread = threading.Thread(target=self.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            self.shutdown()
            thread.join()
            self.server_close()


# What may happen to a request


def lost(request: Request) -> None:
    """It never reaches the server."""


def unanswered(request: Request) -> None:
    request.forward()


def torn(request: Request) -> None:
    """Half of the answer's body; where there is none, half of the status line."""
    answer = request.forward()
    if answer.body and request.command != "HEAD":
        request.answer(answer, share=0.5)
    else:
        request.wfile.write(b"HTTP/1")


def late(request: Request) -> None:
    """It reaches the server after its connection was closed."""
    delay = request.server.over.wait

    def arrive(way: contextlib.ExitStack) -> None:
        with way:
            delay(_LATE_S)
            request.forward()

    way = contextlib.ExitStack()
    way.enter_context(request.server.on_its_way())
    threading.Thread(target=arrive, args=(way,), daemon=True).start()


def twice(request: Request) -> None:
    """As by a proxy between that tries again; the client hears of the second one alone."""
    request.forward()
    request.answer(request.forward())


def slow(request: Request) -> None:
    request.server.over.wait(_SLOW_S)
    request.answer(request.forward())


def fails(request: Request) -> None:
    request.refuse(500, "InternalError")


def fails_afterwards(request: Request) -> None:
    request.forward()
    request.refuse(500, "InternalError")


def slow_down(request: Request) -> None:
    request.refuse(503, "SlowDown")


def conflicts(request: Request) -> None:
    """What a write under a condition is told while another one is under way."""
    if request.is_conditional:
        request.refuse(409, "ConditionalRequestConflict")
    else:
        slow_down(request)


def conflicts_afterwards(request: Request) -> None:
    """The other one that was under way was the client's own."""
    request.forward()
    conflicts(request)


def drips(request: Request) -> None:
    """An object's bytes, one by one."""
    answer = request.forward()
    request.start(answer)
    for place in range(len(answer.body)):
        if request.server.over.wait(0.05):
            return
        request.wfile.write(answer.body[place : place + 1])
    request.answered = True


def drips_headers(request: Request) -> None:
    """Headers that never end."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not request.server.over.wait(0.1):
        request.wfile.write(b"X")


FAULTS: tuple[Behaviour, ...] = (
    lost,
    unanswered,
    torn,
    late,
    twice,
    slow,
    fails,
    fails_afterwards,
    slow_down,
    conflicts,
    conflicts_afterwards,
)


class Spoilt:
    """Spoils the first ``times`` requests of each kind by ``fault``, where that is one."""

    def __init__(self, fault: Behaviour | None = None, times: float = 1) -> None:
        self.fault, self.times = fault, times
        self.met: Counter[tuple[str, str]] = Counter()

    def __call__(self, request: Request) -> None:
        asked = (request.command, request.path)
        self.met[asked] += 1
        if self.fault and self.met[asked] <= self.times:
            self.fault(request)
        else:
            request.answer(request.forward())


class RandomFaults:
    """Spoils a share of the requests. Some of those that try again are met by the same, so that
    their client gives up; those that only read are spoiled less often."""

    def __init__(self, random: Random, rate: float, reading_rate: float) -> None:
        self._random = random
        self._rates = {True: reading_rate, False: rate}
        self._again: dict[tuple[str, str], Behaviour] = {}
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> None:
        fault = self._fault(request)
        if fault is None:
            request.answer(request.forward())
            return
        request.server.count(fault.__name__)
        fault(request)

    def _fault(self, request: Request) -> Behaviour | None:
        asked = (request.command, request.path)
        with self._lock:
            if asked in self._again:
                return self._again.pop(asked)
            if self._random.random() > self._rates[request.command in ("GET", "HEAD")]:
                return None
            fault = self._random.choice(FAULTS)
            if self._random.random() < 0.5:
                self._again[asked] = fault
            return fault
