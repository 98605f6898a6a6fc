"""What a run says when it is over, and that it arrives, at real servers on loopback."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from smartwatts_airflow.notify import (
    Message,
    about_change,
    about_run,
    about_troubles,
    send,
    tell_failure,
    tell_unrenewed,
)

from tests.airflow.webhook import Webhook, webhook

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
def server() -> Iterator[Webhook]:
    """It takes what is at /hook alone."""
    with webhook("/hook") as served:
        yield served


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


def failed(dag: str, task: str, error: BaseException | None = None) -> Any:
    """What Airflow hands to a callback; without ``error`` where the process died."""
    context: dict[str, Any] = {
        "dag_run": SimpleNamespace(dag_id=dag, run_id="scheduled__1"),
        "ti": SimpleNamespace(task_id=task),
    }
    return context | ({"exception": error} if error else {})


@pytest.fixture
def hook(server: Webhook, connect: Any) -> list[dict[str, Any]]:
    """What the connection that the settings name got."""
    address, got = server
    connect(conn_type="http", host=f"http://{address}", extra={"endpoint": "hook"})
    messages: list[dict[str, Any]] = got
    return messages


def test_a_timestamp_that_could_not_be_renewed_is_told_with_what_to_do(
    hook: list[dict[str, Any]],
) -> None:
    tell_unrenewed(failed("renew_timestamp", "renew", ValueError("no key here to sign with")))
    (got,) = hook
    assert got["title"] == "SmartWatts renew_timestamp: the timestamp could not be renewed"
    assert got["severity"] == "critical" and got["text"].startswith("[critical] ")
    _, why, run, what_to_do = got["text"].splitlines()
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


def test_a_webhook_gets_text_and_the_connections_token(server: Webhook, connect: Any) -> None:
    address, got = server
    connect(conn_type="http", host=f"http://{address}", password="t", extra={"endpoint": "hook"})
    assert send(Message("decided", ("nilm kept",)))
    (body,) = got
    assert body["text"] == "decided\nnilm kept"
    assert body["auth"] == "Bearer t"


def test_a_slack_webhook_keeps_its_secret_in_the_password(server: Webhook, connect: Any) -> None:
    address, got = server
    connect(conn_type="slackwebhook", host=f"http://{address}", password="/hook")
    assert send(Message("decided", ("approved by <!channel>",)))
    assert got[0]["auth"] is None
    assert got[0]["text"] == "decided\napproved by &lt;!channel&gt;"


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
    server: Webhook, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connect(conn_type="http", host=f"http://{server[0]}", extra={"endpoint": "elsewhere"})
    assert not send(Message("decided", ()))
    assert "404" in caplog.text


def test_without_a_connection_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMARTWATTS_NOTIFY", raising=False)
    assert not send(Message("decided", ()))


def test_a_run_whose_report_died_is_told_and_one_that_reported_is_not_told_twice(
    hook: list[dict[str, Any]],
) -> None:
    tell_failure(failed("retrain_weekly", "report"), what="ended without a report")
    tell_failure(failed("retrain_weekly", "report", AirflowFailException("nilm: boom")), what="x")
    (got,) = hook
    assert got["title"] == "SmartWatts retrain_weekly: ended without a report"
    assert "its process died" in got["text"]
    assert "/dags/retrain_weekly/runs/scheduled__1" in got["text"]


@pytest.mark.parametrize(
    "action, title, severity",
    [
        ("rollback", "SmartWatts nilm: v3 rolled back", "info"),
        ("force", "SmartWatts nilm: v3 forced", "warning"),
    ],
)
def test_a_change_of_champion_is_told_with_who_and_why(
    action: str, title: str, severity: str
) -> None:
    change = {"model": "nilm", "action": action, "version": 3, "actor": "ann", "reason": "kettles"}
    message = about_change(change)
    assert (message.title, message.severity) == (title, severity)
    assert message.lines[0] == "ann: kettles"
    assert message.lines[1].endswith("/models/nilm")


def test_troubles_are_told_together_the_worst_first() -> None:
    troubles = [
        {"severity": "warning", "what": "2 sites are silent", "fix": "look"},
        {"severity": "critical", "what": "nilm_v3.tflite is gone", "fix": "repair"},
    ]
    message = about_troubles(troubles)
    assert message.subject == "[critical] SmartWatts: nilm_v3.tflite is gone and 1 more"
    assert message.lines[1] == "warning: 2 sites are silent (look)"
