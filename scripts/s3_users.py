"""``make docs``: s3-users.json, the users of the compose stack's S3 server, from the policies of
docs/store.md.

The server takes keys from its environment. It does not know the condition keys of conditional
writes, which is why those conditions are left out.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

__all__ = ["FILE", "ROLES", "policy", "users"]

_REPOSITORY = Path(__file__).resolve().parent.parent
_PAGE = _REPOSITORY / "docs" / "store.md"
FILE: Final = _REPOSITORY / "s3-users.json"
ROLES: Final = ("trainer", "signer", "reader", "operator", "gateway")
_BUCKET = _PREFIX = "smartwatts"
_UNKNOWN = {"s3:if-none-match", "s3:if-match"}


def policy(role: str, bucket: str, prefix: str) -> dict[str, Any]:
    """A role's policy, as docs/store.md has it."""
    block = re.search(rf"<!-- policy: {role} -->\n```json\n(.*?)```", _PAGE.read_text(), re.DOTALL)
    if block is None:
        raise ValueError(f"{_PAGE} has no policy of {role}")
    text = block[1].replace("BUCKET", bucket).replace("PREFIX", prefix)
    document: dict[str, Any] = json.loads(text)
    return document


def users() -> str:
    """The file's text."""
    owner = {"name": "owner", "credentials": [_credential("owner")], "actions": ["Admin"]}
    others = [
        {"name": role, "credentials": [_credential(role)], "policyNames": [role]} for role in ROLES
    ]
    policies = [{"name": role, "document": _without_unknown(role)} for role in ROLES]
    return json.dumps({"identities": [owner, *others], "policies": policies}, indent=1) + "\n"


def _credential(role: str) -> dict[str, str]:
    return {"accessKey": role, "secretKey": f"${{S3_{role.upper()}_SECRET}}"}


def _without_unknown(role: str) -> dict[str, Any]:
    document = policy(role, _BUCKET, _PREFIX)
    for statement in document["Statement"]:
        condition = statement.get("Condition", {})
        if any(_UNKNOWN & set(keys) for keys in condition.values()):
            del statement["Condition"]
    return document


if __name__ == "__main__":
    sys.exit(not FILE.write_text(users()))
