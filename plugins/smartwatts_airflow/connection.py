"""The Airflow connection that a root on S3 is reached with, where ``SMARTWATTS_S3_CONNECTION``
names one; else boto3's own chain of settings.

It is one of type ``aws``, in the form of Airflow's Amazon provider, which need not be installed:
login and password are key and secret, and ``extra`` has the rest. What of it we do not do is
refused, since a connection that is half read could reach another server, or as somebody else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from smartwatts_ml.errors import StoreError, UsageError
from smartwatts_ml.objects.access import S3Access, use_access
from smartwatts_ml.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Connection

__all__ = ["access_of", "connect"]

_SETTING = "SMARTWATTS_S3_CONNECTION"
_TYPE = "aws"
_EXTRA = {
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
    "aws_session_token": "token",
    "region_name": "region",
    "endpoint_url": "endpoint",
    "role_arn": "role",
}
"""Texts in ``extra``, and what they are of an ``S3Access``."""
_SERVICES = {"s3": "endpoint", "sts": "sts_endpoint"}
_DEFAULTS = {"assume_role_method": ("assume_role",), "verify": (True, "true", "True")}
"""Keys that may say nothing but what is so anyway."""
_KNOWN = {*_EXTRA, *_DEFAULTS, "assume_role_kwargs", "external_id", "service_config"}


def connect(root: str) -> None:
    """Let ``root`` be reached with the connection that the settings name, from here on in this
    process. Blocks: in the triggerer, call it in a thread.

    Raises UsageError where the connection is not there or says what cannot be done, StoreError
    where Airflow cannot be asked. Neither ever has a value of the connection.
    """
    name = settings().s3_connection
    if not name or not root.lower().startswith("s3://"):
        use_access(None)
        return
    try:
        connection = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        raise UsageError(
            f"{_SETTING} names {name}, and Airflow has no such connection, or cannot parse it",
            fix=f"add a connection {name} of type {_TYPE}, or correct the setting",
        ) from None
    except AirflowException as error:
        raise StoreError(
            f"{_SETTING}: Airflow does not give connection {name} ({type(error).__name__})"
        ) from None
    use_access(access_of(connection))


def access_of(connection: Connection) -> S3Access:
    """What a connection of type aws says. Raises UsageError."""
    if connection.conn_type != _TYPE:
        raise _wrong(connection, f"is of type {connection.conn_type}", f"make it one of {_TYPE}")
    if connection.host:
        raise _wrong(connection, "has a host", "give the server as endpoint_url in its extra")
    extra = _extra(connection)
    fields = {own: _text(connection, extra, name) for name, own in _EXTRA.items()}
    fields |= _services(connection, extra, fields["endpoint"])
    fields["external_id"] = _external_id(connection, extra)
    if connection.login or connection.password:
        fields |= {"key": connection.login or "", "secret": connection.password or ""}
    _check_keys(connection, fields)
    return S3Access(origin=f"Airflow's connection {connection.conn_id} ({_SETTING})", **fields)


def _check_keys(connection: Connection, fields: Mapping[str, str]) -> None:
    if bool(fields["key"]) != bool(fields["secret"]):
        missing = "password, the secret key" if fields["key"] else "login, the access key"
        raise _wrong(connection, f"has no {missing}", "give both, or neither for boto3's own")
    if fields["token"] and not fields["key"]:
        raise _wrong(connection, "has a session token and no key", "give login and password")
    if fields["external_id"] and not fields["role"]:
        raise _wrong(connection, "has an external ID and no role", "give role_arn in its extra")


def _extra(connection: Connection) -> dict[str, Any]:
    """Its extra, where nothing stands that is not read or checked."""
    try:
        extra = json.loads(connection.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise _wrong(connection, "has an extra that is no JSON object", "correct its extra")
    for name in extra:
        if name not in _KNOWN and extra[name] not in (None, "", {}):
            known = ", ".join(sorted(_KNOWN))
            raise _wrong(
                connection, f"has {name!r} in its extra, which is not read", f"known are {known}"
            )
    for name, allowed in _DEFAULTS.items():
        if extra.get(name) not in (None, "", *allowed):
            raise _wrong(
                connection, f"has another {name} than {allowed[0]}", f"take {name} from its extra"
            )
    return extra


def _text(connection: Connection, extra: Mapping[str, Any], name: str) -> str:
    value = extra.get(name)
    if not isinstance(value, str | None):
        raise _wrong(connection, f"has a {name} that is no text", "write it in quotation marks")
    return value or ""


def _services(connection: Connection, extra: Mapping[str, Any], endpoint: str) -> dict[str, str]:
    """Where a service has a server of its own. A role is never asked for at that of S3."""
    config = _object(connection, extra, "service_config")
    servers = {"endpoint": endpoint, "sts_endpoint": ""}
    for service, own in _SERVICES.items():
        server = _object(connection, config, service)
        servers[own] = _text(connection, server, "endpoint_url") or servers[own]
    return servers


def _external_id(connection: Connection, extra: Mapping[str, Any]) -> str:
    options = _object(connection, extra, "assume_role_kwargs")
    unread = options.keys() - {"ExternalId"}
    if unread:
        raise _wrong(
            connection,
            f"has {', '.join(sorted(unread))} in assume_role_kwargs",
            "only ExternalId is read",
        )
    return _text(connection, options, "ExternalId") or _text(connection, extra, "external_id")


def _object(connection: Connection, extra: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = extra.get(name) or {}
    if not isinstance(value, dict):
        raise _wrong(connection, f"has a {name} that is no object", "correct its extra")
    return value


def _wrong(connection: Connection, what: str, fix: str) -> UsageError:
    return UsageError(f"{_SETTING}: connection {connection.conn_id} {what}", fix=fix)
