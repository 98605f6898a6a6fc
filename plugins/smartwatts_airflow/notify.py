"""Messages on runs, changes of champions and troubles, through whichever Airflow connection
``SMARTWATTS_NOTIFY`` names.

connection type      what happens
smtp                 mail; ``to`` and ``from_email`` in the connection's extra
http, slackwebhook   POST of {"text": …, "title": …, "severity": …}, of which Slack, Mattermost
                     and others understand the text
any other            its hook's ``notify(title=…, body=…)``: apprise has one, for Teams,
                     Telegram, Matrix, PagerDuty and a hundred more
"""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from html import escape
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Literal
from urllib.request import Request, urlopen

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from smartwatts_airflow.addresses import model_page, models_page, run_page
from smartwatts_ml.errors import SmartwattsError, UsageError
from smartwatts_ml.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Connection, Context

__all__ = [
    "ACTIONS",
    "Message",
    "about_approval",
    "about_change",
    "about_run",
    "about_troubles",
    "send",
    "tell_failure",
    "tell_unrenewed",
]

ACTIONS = {
    "promote": "published",
    "rollback": "rolled back",
    "force": "forced",
    "candidate": "offered to some gateways",
    "widen": "offered to more gateways",
    "halt": "taken back from gateways",
}
"""What is told of each action of the history."""
_Severity = Literal["info", "warning", "critical"]
_DEGREES: Mapping[str, int] = {"info": 0, "warning": 1, "critical": 2}

_log = logging.getLogger(__name__)
_SECONDS = 30.0
_DOUBTFUL = 10


@dataclass(frozen=True)
class Message:
    """A title of one line, and the lines below it. ``severity``: info, warning, critical."""

    title: str
    lines: tuple[str, ...]
    severity: str = "info"

    @property
    def subject(self) -> str:
        """The title, with how bad it is where it is."""
        return self.title if self.severity == "info" else f"[{self.severity}] {self.title}"

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
    doubtful: Sequence[str] = (),
    quality: str = "",
) -> Message:
    """What a run decided and why. ``rows``: a run report's ``models``; ``doubtful``: what it says
    of readings that somebody has to see to, and the address of its page on their ``quality``."""
    published = [row for row in rows if row.get("outcome") == "published"]
    kept = [row for row in rows if row not in published and row["model"] not in failures]
    counts = {"published": len(published), "kept": len(kept), "failed": len(failures)}
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    lines = [
        *(_published_line(row) for row in published),
        *(str(row["summary"]) for row in kept),
        *(f"{model} failed: {why}" for model, why in failures.items()),
        *(f"{row['model']}: {model_page(row['model'])}" for row in published),
        *(f"readings: {line}" for line in doubtful[:_DOUBTFUL]),
        *([f"readings: {len(doubtful)} such lines, all on {quality}"] if doubtful else []),
        f"run: {run_page(dag_id, run_id)}",
    ]
    dry = " (dry run)" if dry_run else ""
    title = f"SmartWatts {dag_id}{dry}: {said or 'nothing decided'}"
    return Message(title, tuple(lines), "warning" if failures or doubtful else "info")


def _published_line(row: Mapping[str, Any]) -> str:
    in_force = "" if row.get("candidate") else " in force"
    return f"{row['summary']}: v{row['version']}{in_force}"


def about_approval(shown: Mapping[str, Any], terms: str, address: str) -> Message:
    """A person is asked. ``shown``: as ``tasks.ask_for_approval`` has it; ``terms``: who may
    answer, and until when; ``address``: where."""
    model, metric = shown["model"], shown["metric"]
    lines = (
        shown["summary"],
        f"{shown['label']} {metric['challenger']}, champion {metric['champion']}, "
        f"baseline {metric['baseline']}",
        terms,
        f"approve or reject: {address}",
    )
    title = f"SmartWatts {model}: v{shown['version']} waits for approval"
    return Message(title, lines, "warning")


def about_change(change: Mapping[str, Any]) -> Message:
    """Champion or candidate was changed. ``change``: as ``tasks.change_of_champion`` has it."""
    model, action = change["model"], ACTIONS[change["action"]]
    lines = (
        f"{change['actor']}: {change['reason']}",
        f"{model}: {model_page(model)}",
    )
    severity = "warning" if change["action"] == "force" else "info"
    return Message(f"SmartWatts {model}: v{change['version']} {action}", lines, severity)


def about_troubles(troubles: Sequence[Mapping[str, str]]) -> Message:
    """What somebody has to see to, the worst first; each as ``tasks.find_troubles`` has it."""
    worst_first = sorted(troubles, key=lambda trouble: -_DEGREES[trouble["severity"]])
    first, more = worst_first[0], len(troubles) - 1
    title = first["what"] + (f" and {more} more" if more else "")
    lines = [f"{each['severity']}: {each['what']} ({each['fix']})" for each in worst_first]
    return Message(f"SmartWatts: {title}", (*lines, models_page()), first["severity"])


def tell_failure(context: Context, *, what: str, severity: _Severity = "warning") -> None:
    """A task failed, or died, that would have said more: ``what`` came of it. One that ended
    itself has said so already."""
    error = context.get("exception")
    if not isinstance(error, AirflowFailException):
        send(_about_failure(context, what, severity))


def tell_unrenewed(context: Context) -> None:
    """The timestamp was not signed again: gateways refuse every pull once it has expired.
    Somebody has to know long before that."""
    what = "the timestamp could not be renewed"
    remedy = "What to do: docs/operations.md, “The timestamp has expired”."
    send(_about_failure(context, what, "critical", remedy))


def _about_failure(context: Context, what: str, severity: _Severity, *remedy: str) -> Message:
    run, ti = context["dag_run"], context["ti"]
    why = str(context.get("exception") or "its process died, or no worker took it")
    lines = (f"{ti.task_id}: {why}", f"run: {run_page(run.dag_id, run.run_id)}", *remedy)
    return Message(f"SmartWatts {run.dag_id}: {what}", lines, severity)


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
    mail["Subject"], mail["To"] = message.subject, extra["to"]
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
    """As the text that chat systems' incoming webhooks take. Slack would call people, and hide
    addresses, by what stands between ``<`` and ``>``."""
    text = f"{message.subject}\n{message.body}"
    body = {
        "text": escape(text, quote=False) if connection.conn_type == "slackwebhook" else text,
        "title": message.title,
        "severity": message.severity,
    }
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
    notify(title=message.subject, body=message.body)
