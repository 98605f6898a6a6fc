"""What somebody with write access does to a store."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

from smartwatts_ml.objects import Objects
from smartwatts_ml.store.canonical import canonical_json

__all__ = ["put", "with_payload"]


def put(objects: Objects, key: str, data: bytes) -> None:
    objects.write(key, data)


def with_payload(envelope: bytes, **changes: Any) -> bytes:
    """The envelope with other words under the same signature."""
    value = json.loads(envelope)
    payload = json.loads(b64decode(value["payload"])) | changes
    value["payload"] = b64encode(canonical_json(payload)).decode()
    return canonical_json(value)
