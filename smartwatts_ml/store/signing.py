"""DSSE envelopes (https://github.com/secure-systems-lab/dsse) around canonical JSON.

Payload and signature are one object, so neither can be replaced without the other. Each
kind of document has a payload type of its own, which is signed too: a manifest cannot pass
for a pointer.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from smartwatts_ml.errors import TrustError
from smartwatts_ml.store.keys import SigningKey

__all__ = ["canonical_json", "reseal", "seal", "unseal", "without_floats"]

TRUST_FIX = "`smartwatts keys list` shows whom this machine trusts"


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8. Floats are refused: they have no one text.

    >>> canonical_json({"b": 1, "a": ["é"]}).decode()
    '{"a":["é"],"b":1}'
    """
    _refuse_floats(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def without_floats(value: Any) -> Any:
    """The same JSON with each float as a decimal string, and None where it is not finite.

    >>> without_floats({"mae": 12.5, "n": 3, "tiny": 1e-05, "none": float("nan")})
    {'mae': '12.5', 'n': 3, 'tiny': '0.00001', 'none': None}
    """
    if isinstance(value, float):
        return format(Decimal(repr(float(value))), "f") if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): without_floats(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_floats(item) for item in value]
    return value


def seal(payload: Mapping[str, Any], payload_type: str, keys: Sequence[SigningKey]) -> bytes:
    """An envelope that every key signed, as canonical JSON."""
    return _sealed(canonical_json(payload), payload_type, keys)


def reseal(data: bytes, keys: Sequence[SigningKey], where: str) -> bytes | None:
    """The same payload signed by ``keys``, or None where they all signed it already. The
    envelope has to be verified before. Raises TrustError where it is none."""
    payload_type, body, _ = _parse(data, where)
    sealed = _sealed(body, payload_type, keys)  # Ed25519: the same message, the same signature
    return None if sealed == data else sealed


def _sealed(body: bytes, payload_type: str, keys: Sequence[SigningKey]) -> bytes:
    message = _pre_authentication_encoding(payload_type, body)
    signatures = [
        {"keyid": key.keyid, "sig": base64.b64encode(key.key.sign(message)).decode()}
        for key in keys
    ]
    envelope = {
        "payload": base64.b64encode(body).decode(),
        "payloadType": payload_type,
        "signatures": signatures,
    }
    return canonical_json(envelope)


def unseal(
    data: bytes, payload_type: str, trusted: Mapping[str, Ed25519PublicKey], where: str
) -> dict[str, Any]:
    """The payload of an envelope that a trusted key signed. Raises TrustError."""
    if not trusted:
        raise TrustError(
            f"no trusted key to verify {where} with",
            fix="`smartwatts keys trust FILE.pub`, or restore the key folder",
        )
    given_type, body, signatures = _parse(data, where)
    if given_type != payload_type:
        raise TrustError(f"{where} is a {given_type}, not a {payload_type}")
    message = _pre_authentication_encoding(payload_type, body)
    if not any(
        _verifies(key, signature, message) for signature in signatures for key in trusted.values()
    ):
        raise TrustError(f"{where} is not signed by a trusted key", fix=TRUST_FIX)
    try:
        payload = json.loads(body)
    except ValueError as error:
        raise TrustError(f"{where} has a payload that is not JSON") from error
    if not isinstance(payload, dict):
        raise TrustError(f"{where} has a payload that is not an object")
    return payload


def _parse(data: bytes, where: str) -> tuple[str, bytes, list[bytes]]:
    try:
        envelope = json.loads(data)
        body = base64.b64decode(envelope["payload"], validate=True)
        signatures = [
            base64.b64decode(item["sig"], validate=True) for item in envelope["signatures"]
        ]
        return str(envelope["payloadType"]), body, signatures
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise TrustError(f"{where} is not a signed envelope") from error


def _verifies(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _pre_authentication_encoding(payload_type: str, body: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError(f"a float ({value}) cannot be signed; use a decimal string")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_floats(item)
