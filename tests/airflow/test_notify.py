"""What a run says when it is over, and that it arrives, at real servers on loopback."""

from __future__ import annotations

import asyncio
import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from smartwatts_airflow.notify import Message, about_renewal, about_run, late, send

ROWS: list[dict[str, Any]] = [
    {
        "model": "nilm",
        "summary": "nilm accepted: MAE −3 %",
        "outcome": "published",
        "version": 4,
    },
    {"model": "anomaly", "summary": "anomaly kept: PR-AUC −0.02", "outcome": "kept", "version": 2},
    {"model": "forecasting_24h", "summary": "forecasting_24h kept: WAPE +1 %"},
]
FAILURES = {"forecasting_24h": "train failed: its process died"}


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Address of a server and what it got; it refuses what is not at /hook."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/hook":
                got.append({**json.loads(body), "auth": self.headers.get("Authorization")})
            self.send_response(200 if self.path == "/hook" else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()


@pytest.fixture
def mailbox() -> Iterator[tuple[int, list[str]]]:
    """Port of a mail server and the mails that it took."""
    mails: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline().strip().upper():
                if line == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = []
                    while (text := self.rfile.readline()) != b".\r\n":
                        lines.append(text.decode())
                    mails.append("".join(lines))
                if line == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                self.wfile.write(b"250 fine\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], mails
        server.shutdown()


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a connection of Airflow and let SMARTWATTS_NOTIFY name it."""

    def made(**fields: Any) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_TEAM", json.dumps(fields))
        monkeypatch.setenv("SMARTWATTS_NOTIFY", "team")

    return made


def test_a_timestamp_that_could_not_be_renewed_is_told_with_what_to_do() -> None:
    message = about_renewal("renew_timestamp", "scheduled__1", "no key here to sign timestamp with")
    assert message.title == "SmartWatts renew_timestamp: the timestamp could not be renewed"
    why, run, what_to_do = message.lines
    assert "no key here" in why
    assert run.endswith("/dags/renew_timestamp/runs/scheduled__1")
    page = Path(__file__).parents[2] / what_to_do.partition(": ")[2].partition(",")[0]
    assert "**The timestamp has expired**" in page.read_text()


def test_a_message_says_what_was_decided_on_each_model_and_why() -> None:
    message = about_run("retrain_weekly", "manual__1+00:00", ROWS, FAILURES)
    assert message.title == "SmartWatts retrain_weekly: 1 published, 1 kept, 1 failed"
    assert "nilm accepted: MAE −3 %: v4 in force" in message.lines
    assert "anomaly kept: PR-AUC −0.02" in message.lines
    assert "forecasting_24h failed: train failed: its process died" in message.lines
    assert "/dags/retrain_weekly/runs/manual__1%2B00%3A00" in message.lines[-1]
    assert "(dry run)" in about_run("retrain_weekly", "r", ROWS, {}, dry_run=True).title


def test_a_webhook_gets_text_and_the_connections_token(webhook: Any, connect: Any) -> None:
    address, got = webhook
    connect(conn_type="http", host=f"http://{address}", password="t", extra={"endpoint": "hook"})
    assert send(Message("decided", ("nilm kept",)))
    (body,) = got
    assert body["text"] == "decided\nnilm kept"
    assert body["auth"] == "Bearer t"


def test_a_slack_webhook_keeps_its_secret_in_the_password(webhook: Any, connect: Any) -> None:
    address, got = webhook
    connect(conn_type="slackwebhook", host=f"http://{address}", password="/hook")
    assert send(Message("decided", ("nilm kept",)))
    assert got[0]["auth"] is None


def test_a_mail_goes_to_the_connections_recipient(mailbox: Any, connect: Any) -> None:
    port, mails = mailbox
    plain = {"disable_ssl": True, "disable_tls": True, "to": "ops@example.org"}
    connect(conn_type="smtp", host="127.0.0.1", port=port, extra=plain)
    assert send(Message("decided", ("nilm kept",)))
    (mail,) = mails
    assert "Subject: decided" in mail and "To: ops@example.org" in mail and "nilm kept" in mail


@pytest.mark.parametrize(
    "fields, why",
    [
        ({"conn_type": "smtp", "host": "127.0.0.1"}, "says no recipient"),
        ({"conn_type": "fs"}, "cannot send messages"),
        ({"conn_type": "http", "host": "http://127.0.0.1:9"}, "refused"),
    ],
)
def test_a_message_that_cannot_be_sent_is_logged_and_fails_nothing(
    fields: dict[str, Any], why: str, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connect(**fields)
    assert not send(Message("decided", ()))
    assert why in caplog.text


def test_an_address_that_refuses_counts_as_not_told(
    webhook: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connect(conn_type="http", host=f"http://{webhook[0]}", extra={"endpoint": "elsewhere"})
    assert not send(Message("decided", ()))
    assert "404" in caplog.text


def test_without_a_connection_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMARTWATTS_NOTIFY", raising=False)
    assert not send(Message("decided", ()))


def test_a_run_that_is_late_is_reported(webhook: Any, connect: Any) -> None:
    address, got = webhook
    connect(conn_type="http", host=f"http://{address}", extra={"endpoint": "hook"})
    run = {"dag_id": "retrain_weekly", "dag_run_id": "scheduled__1", "state": "running"}
    asyncio.run(late(12.0, {"dag_run": run}))
    assert got[0]["title"] == "SmartWatts retrain_weekly: still running after 12 hours"
