"""One message for each run, through whichever Airflow connection ``SMARTWATTS_NOTIFY`` names.

connection type      what happens
smtp                 mail; ``to`` and ``from_email`` in the connection's extra
http, slackwebhook   POST of {"text": …}, which Slack, Mattermost and others understand
any other            its hook's ``notify(title=…, body=…)``: apprise has one, for Teams,
                     Telegram, Matrix, PagerDuty and a hundred more
"""

from __future__ import annotations

import asyncio
import json
import logging
import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from smartwatts_airflow.addresses import model_page, run_page
from smartwatts_ml.errors import SmartwattsError, UsageError
from smartwatts_ml.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Connection

__all__ = ["Message", "about_renewal", "about_run", "late", "send"]

_log = logging.getLogger(__name__)
_SECONDS = 30.0


@dataclass(frozen=True)
class Message:
    """A subject of one line, and the lines below it."""

    title: str
    lines: tuple[str, ...]

    @property
    def body(self) -> str:
        return "\n".join(self.lines)


def about_run(
    dag_id: str,
    run_id: str,
    rows: Sequence[Mapping[str, Any]],
    failures: Mapping[str, str],
    *,
    dry_run: bool = False,
) -> Message:
    """What a run decided and why. ``rows``: a run report's ``models``."""
    published = [row for row in rows if row.get("outcome") == "published"]
    kept = [row for row in rows if row not in published and row["model"] not in failures]
    counts = {"published": len(published), "kept": len(kept), "failed": len(failures)}
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    lines = [
        *(f"{row['summary']}: v{row['version']} in force" for row in published),
        *(str(row["summary"]) for row in kept),
        *(f"{model} failed: {why}" for model, why in failures.items()),
        *(f"{row['model']}: {model_page(row['model'])}" for row in published),
        f"run: {run_page(dag_id, run_id)}",
    ]
    dry = " (dry run)" if dry_run else ""
    return Message(f"SmartWatts {dag_id}{dry}: {said or 'nothing decided'}", tuple(lines))


def about_renewal(dag_id: str, run_id: str, why: str) -> Message:
    """The timestamp was not signed again: gateways refuse every pull once it has expired."""
    lines = (
        why,
        f"run: {run_page(dag_id, run_id)}",
        "What to do: docs/operations.md, “The timestamp has expired”.",
    )
    return Message(f"SmartWatts {dag_id}: the timestamp could not be renewed", lines)


def send(message: Message) -> bool:
    """Send through the connection that the settings name, if any. What was decided stands
    whether or not anybody hears of it, so a failure is logged and False is returned."""
    name = settings().notify
    try:
        _deliver(BaseHook.get_connection(name), message)
    except AirflowNotFoundException:
        _log.info("nobody is told: Airflow has no connection %s", name)
        return False
    except Exception as error:  # noqa: BLE001 - hooks raise what they like
        _log.error("nobody was told of %r through %s: %s", message.title, name, error)
        return False
    _log.info("told %s: %s", name, message.title)
    return True


async def late(hours: float, context: Mapping[str, Any]) -> None:
    """A deadline of Airflow was missed: the run has not ended in time. Runs in the triggerer."""
    run = context["dag_run"]
    page = run_page(run["dag_id"], run["dag_run_id"])
    message = Message(
        f"SmartWatts {run['dag_id']}: still {run['state']} after {hours:g} hours",
        (f"run: {page}", "What to do: docs/operations.md, “A run is late”."),
    )
    _log.warning("%s; %s", message.title, page)
    try:
        connection = await BaseHook.aget_connection(settings().notify)
    except AirflowNotFoundException:
        return
    await asyncio.to_thread(_deliver, connection, message)


def _deliver(connection: Connection, message: Message) -> None:
    """Send by the connection's type. Raises SmartwattsError, OSError, or what a hook raises."""
    ways: dict[str, Callable[[Connection, Message], None]] = {
        "smtp": _mail,
        "http": _post,
        "https": _post,
        "slackwebhook": _post,
    }
    ways.get(connection.conn_type or "", _hook)(connection, message)


def _mail(connection: Connection, message: Message) -> None:
    extra = connection.extra_dejson
    if not extra.get("to"):
        raise UsageError(
            f"connection {connection.conn_id} says no recipient",
            fix='add {"to": "you@example.org"} to its extra',
        )
    mail = EmailMessage()
    mail["Subject"], mail["To"] = message.title, extra["to"]
    mail["From"] = extra.get("from_email") or connection.login or "smartwatts@localhost"
    mail.set_content(message.body)
    host, secure = connection.host or "localhost", not extra.get("disable_ssl")
    client: smtplib.SMTP
    if secure:
        verified = ssl.create_default_context()
        client = smtplib.SMTP_SSL(host, connection.port or 465, timeout=_SECONDS, context=verified)
    else:
        client = smtplib.SMTP(host, connection.port or 25, timeout=_SECONDS)
    with client:
        if not secure and not extra.get("disable_tls"):
            client.starttls(context=ssl.create_default_context())
        if connection.login:
            client.login(connection.login, connection.password or "")
        client.send_message(mail)


def _post(connection: Connection, message: Message) -> None:
    """As the text that chat systems' incoming webhooks take."""
    body = {"text": f"{message.title}\n{message.body}", "title": message.title}
    request = Request(
        _address(connection),
        json.dumps(body).encode(),
        {"Content-Type": "application/json", **_authorization(connection)},
        method="POST",
    )
    try:
        urlopen(request, timeout=_SECONDS).close()
    except HTTPException as error:
        raise SmartwattsError(f"no proper answer: {error!r}") from error


def _address(connection: Connection) -> str:
    """The connection's URL; a Slack webhook keeps the secret part of its path as password."""
    host = connection.host or ""
    if "://" not in host:
        plain = connection.conn_type == "http" and connection.schema != "https"
        host = f"{'http' if plain else 'https'}://{host}"
    port = f":{connection.port}" if connection.port else ""
    path = connection.extra_dejson.get("endpoint", "")
    if connection.conn_type == "slackwebhook" and connection.password:
        path = connection.password
    return f"{host}{port}/{path.lstrip('/')}" if path else f"{host}{port}"


def _authorization(connection: Connection) -> dict[str, str]:
    if connection.conn_type == "slackwebhook" or not connection.password:
        return {}
    return {"Authorization": f"Bearer {connection.password}"}


def _hook(connection: Connection, message: Message) -> None:
    notify = getattr(connection.get_hook(), "notify", None)
    if notify is None:
        raise UsageError(
            f"connections of type {connection.conn_type} cannot send messages",
            fix="use smtp, http, slackwebhook or apprise",
        )
    notify(title=message.title, body=message.body)
