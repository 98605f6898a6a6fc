"""``make secrets``: a .env for docker compose, with a fresh secret wherever the example has
none. An existing .env is left alone. Standard library only."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

__all__ = ["secret"]

_REPOSITORY = Path(__file__).resolve().parent.parent


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=_REPOSITORY / ".env")
    output = parser.parse_args().output
    text = _filled((_REPOSITORY / ".env.example").read_text())
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.stderr.write(f"{output} is already there; delete it for new secrets\n")
        return 1
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    sys.stdout.write(f"{output} written; its first user and password:\n")
    shown = ("AIRFLOW_ADMIN_USER=", "AIRFLOW_ADMIN_PASSWORD=")
    sys.stdout.write("".join(f"  {li}\n" for li in text.splitlines() if li.startswith(shown)))
    return 0


def _filled(example: str) -> str:
    """The example with a secret behind every bare ``NAME=``."""
    lines = []
    for line in example.splitlines():
        if line.endswith("=") and not line.startswith("#"):
            line += secret(line[:-1])
        lines.append(line)
    return "\n".join(lines) + "\n"


def secret(name: str) -> str:
    """Letters and digits, so that it needs no quoting in a URL; Fernet wants its own form."""
    if name == "AIRFLOW_FERNET_KEY":
        return urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(24)


if __name__ == "__main__":
    sys.exit(_main())
