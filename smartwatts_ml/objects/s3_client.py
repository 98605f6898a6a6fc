"""boto3's clients: Amazon's own servers, and others that know less."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import JSONFileLoader

__all__ = ["DEFAULT_REGION", "is_custom", "make_client", "make_session"]

_AMAZON = (".amazonaws.com", ".amazonaws.com.cn")
DEFAULT_REGION = "us-east-1"


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


def make_session() -> boto3.session.Session:
    """boto3's own chain of settings, as the environment is now."""
    session = botocore.session.get_session()
    session.get_component("data_loader").file_loader = _descriptions
    return boto3.session.Session(botocore_session=session)


def make_client(session: boto3.session.Session) -> Any:
    """A client for S3 or for what looks like it; ValueError where the endpoint is no URL."""
    region = session.region_name or DEFAULT_REGION
    plain = Config(connect_timeout=10, read_timeout=60)
    client = session.client("s3", region_name=region, config=plain)
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
    return session.client("s3", region_name=region, config=config)


def is_custom(endpoint: str) -> bool:
    """Whether it is not Amazon's own."""
    return not (urlsplit(endpoint).hostname or "").endswith(_AMAZON)
