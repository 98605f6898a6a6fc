"""DSSE envelopes (https://github.com/secure-systems-lab/dsse) around canonical JSON.

Payload and signature are one object, so neither can be replaced without the other. Each
kind of document has a payload type of its own, which is signed too: a manifest cannot pass
for a pointer.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from smartwatts_ml.errors import TrustError
from smartwatts_ml.store.canonical import canonical_json, parse_json
from smartwatts_ml.store.keys import SigningKey

__all__ = ["reseal", "seal", "unseal"]

_TRUST_FIX = "`smartwatts keys list` shows whom this machine trusts"


def seal(body: bytes, payload_type: str, keys: Sequence[SigningKey]) -> bytes:
    """An envelope that every key signed, as canonical JSON."""
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


def reseal(data: bytes, keys: Sequence[SigningKey], where: str) -> bytes | None:
    """The same payload signed by ``keys``, or None where they all signed it already. The
    envelope has to be verified before. Raises TrustError where it is none."""
    payload_type, body, _ = _parse(data, where)
    sealed = seal(body, payload_type, keys)  # Ed25519: the same message, the same signature
    return None if sealed == data else sealed


def unseal(
    data: bytes, payload_type: str, trusted: Mapping[str, Ed25519PublicKey], where: str
) -> bytes:
    """The payload of an envelope that a trusted key signed. Raises TrustError."""
    if not trusted:
        raise TrustError(
            f"no trusted key to verify {where} with",
            fix="`smartwatts keys trust FILE.pub`, or restore the key folder",
        )
    actual_type, body, signatures = _parse(data, where)
    if actual_type != payload_type:
        raise TrustError(f"{where} is a {actual_type}, not a {payload_type}")
    message = _pre_authentication_encoding(payload_type, body)
    if not any(
        _verifies(key, signature, message) for signature in signatures for key in trusted.values()
    ):
        raise TrustError(f"{where} is not signed by a trusted key", fix=_TRUST_FIX)
    return body


def _parse(data: bytes, where: str) -> tuple[str, bytes, list[bytes]]:
    try:
        envelope = parse_json(data)
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
