"""ministack: an S3 server with users whose policies it enforces, in a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import urllib.request
import uuid
from functools import cached_property
from pathlib import Path
from typing import Any

__all__ = ["Ministack", "why_missing"]

REPOSITORY = Path(__file__).resolve().parents[1]
PYTHON = REPOSITORY / ".venv-ministack" / "bin" / "python"
SERVER = Path(__file__).with_name("ministack_server.py")
REASON = REPOSITORY / ".venv-ministack.reason"
ROOT_KEY = "AKIAROOTROOTROOTROOT"


def why_missing() -> str | None:
    """Why it cannot be started here, None where it can."""
    if REASON.exists():
        return REASON.read_text().strip()
    return None if PYTHON.exists() else "ministack is not installed: `make ministack`"


class Ministack:
    """A running server on loopback; every request needs a user's key."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        # Connections wait in the socket's queue until the server takes them.
        self._process = subprocess.Popen(
            [PYTHON, "-I", SERVER, str(listening.fileno())],
            pass_fds=[listening.fileno()],
            env={
                "PATH": os.environ["PATH"],
                "AUTH": "true",
                "AWS_ACCESS_KEY_ID": ROOT_KEY,
                "AWS_SECRET_ACCESS_KEY": uuid.uuid4().hex,
                "STATE_DIR": f"{self._folder.name}/state",
                "S3_DATA_DIR": f"{self._folder.name}/s3",
                "LOG_LEVEL": "ERROR",
                "TMPDIR": self._folder.name,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        listening.close()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def new_bucket(self) -> str:
        """Name of a fresh, empty bucket."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self._client("s3").create_bucket(Bucket=name)
        return name

    def new_user(self, policy: dict[str, Any]) -> dict[str, str]:
        """The environment in which boto3 and the Java puller act as a user with a policy."""
        name = f"user-{uuid.uuid4().hex[:12]}"
        self._iam.create_user(UserName=name)
        self._iam.put_user_policy(
            UserName=name, PolicyName="only", PolicyDocument=json.dumps(policy)
        )
        key = self._iam.create_access_key(UserName=name)["AccessKey"]
        return self.environment(key["AccessKeyId"], key["SecretAccessKey"])

    def environment(self, key: str = ROOT_KEY, secret: str = "any") -> dict[str, str]:
        """The environment of a key; by default of the root user, whose secret is not checked."""
        nowhere = f"{self._folder.name}/no-aws-file"
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        }

    def requests(self) -> int:
        """How many requests there were since the start."""
        with urllib.request.urlopen(f"{self.url}/requests", timeout=60) as answer:
            return int(answer.read())

    @cached_property
    def _iam(self) -> Any:
        return self._client("iam")

    def _client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key="any",
        )
