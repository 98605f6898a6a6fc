"""boto3's clients: Amazon's own servers, and others that know less."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import NoCredentialsError
from botocore.loaders import JSONFileLoader

from smartwatts_ml.objects.access import S3Access

__all__ = ["DEFAULT_REGION", "is_custom", "make_client", "make_session"]

_AMAZON = (".amazonaws.com", ".amazonaws.com.cn")
DEFAULT_REGION = "us-east-1"
_ROLE_SESSION = "smartwatts"
"""How a role's sessions are called in Amazon's own logs."""
_assumed: dict[S3Access, dict[str, Any]] = {}
"""Credentials of roles until they expire, so that not each root that is opened asks for some."""


class _Descriptions(JSONFileLoader):
    """botocore's files on services and endpoints, parsed once and not for every root, which
    takes longer than all else in opening one."""

    def __init__(self) -> None:
        self._parsed: dict[str, Any] = {}

    def load_file(self, file_path: str) -> Any:
        if file_path not in self._parsed:
            self._parsed[file_path] = super().load_file(file_path)
        return self._parsed[file_path]


_descriptions = _Descriptions()


def make_session(access: S3Access | None = None) -> boto3.session.Session:
    """boto3's own chain of settings, as the environment is now; what ``access`` has goes first."""
    session = botocore.session.get_session()
    session.get_component("data_loader").file_loader = _descriptions
    if access is not None:
        _give(session, access)
    return boto3.session.Session(botocore_session=session)


def _give(session: botocore.session.Session, access: S3Access) -> None:
    if access.region:
        session.set_config_variable("region", access.region)
    if access.key:
        session.set_credentials(access.key, access.secret, access.token or None)
    if access.role:
        _assume(session, access)


def _assume(session: botocore.session.Session, access: S3Access) -> None:
    """A role's credentials, fetched when they are first needed and again before they expire."""
    source = session.get_credentials()
    if source is None:
        raise NoCredentialsError

    def create_client(service: str, **options: Any) -> Any:
        return session.create_client(
            service,
            region_name=access.region or session.get_config_variable("region") or DEFAULT_REGION,
            endpoint_url=access.sts_endpoint or None,
            **options,
        )

    named = {"RoleSessionName": _ROLE_SESSION}
    extra = named | ({"ExternalId": access.external_id} if access.external_id else {})
    cache = _assumed.setdefault(access, {})
    fetcher = AssumeRoleCredentialFetcher(
        create_client, source, access.role, extra_args=extra, cache=cache
    )
    # botocore takes ready credentials from outside only as three strings, which would expire.
    session._credentials = DeferredRefreshableCredentials(
        fetcher.fetch_credentials, method="assume-role"
    )


def make_client(session: boto3.session.Session, endpoint: str = "") -> Any:
    """A client for S3 or for what looks like it, at ``endpoint`` where one is given; ValueError
    where that is no URL."""
    region = session.region_name or DEFAULT_REGION
    plain = Config(connect_timeout=10, read_timeout=60)
    where = endpoint or None
    client = session.client("s3", region_name=region, endpoint_url=where, config=plain)
    if not is_custom(client.meta.endpoint_url):
        return client
    config = plain.merge(Config(s3={"addressing_style": "path"}))
    if "AWS_REQUEST_CHECKSUM_CALCULATION" not in os.environ:
        # Checksums that only Amazon's own servers are sure to know.
        config = config.merge(
            Config(
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
        )
    return session.client("s3", region_name=region, endpoint_url=where, config=config)


def is_custom(endpoint: str) -> bool:
    """Whether it is not Amazon's own."""
    return not (urlsplit(endpoint).hostname or "").endswith(_AMAZON)
