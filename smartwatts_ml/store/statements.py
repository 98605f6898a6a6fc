"""In-toto statements: of what a run left, and of how a published file was made and of what.

Those of a file are published beside it as a bundle, a DSSE envelope a line, each signed by the
model's keys (https://github.com/in-toto/attestation). Signing and verifying are securesystemslib's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as SignerError
from securesystemslib.signer import Key, Signer

from smartwatts_ml.errors import TrustError
from smartwatts_ml.store.canonical import canonical_json, parse_json

__all__ = [
    "RUN_PREDICATE",
    "open_bundle",
    "open_statement",
    "predicate_in",
    "seal_statement",
    "statement",
]

RUN_PREDICATE: Final = "urn:smartwatts:run:v1"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_MOST_STATEMENTS = 16


def statement(
    subjects: Mapping[str, str], predicate_type: str, predicate: Mapping[str, Any]
) -> bytes:
    """What is said of files of these digests (SHA-256 by name), as JSON of which there is one
    text. ``predicate`` holds no floats."""
    return canonical_json(
        {
            "_type": _STATEMENT,
            "subject": [
                {"name": name, "digest": {"sha256": sha256}} for name, sha256 in subjects.items()
            ],
            "predicateType": predicate_type,
            "predicate": dict(predicate),
        }
    )


def seal_statement(said: bytes, signers: Sequence[Signer]) -> bytes:
    """One line of JSON: the statement in an envelope that the signers signed."""
    envelope = Envelope(said, _PAYLOAD_TYPE, {})
    for signer in signers:
        envelope.sign(signer)
    return canonical_json(envelope.to_dict()) + b"\n"


def open_bundle(data: bytes, keys: Sequence[Key], threshold: int, where: str) -> tuple[bytes, ...]:
    """The statements of a bundle, a line each, every one signed by enough of the keys. Raises
    TrustError."""
    lines = data.splitlines()
    if not 1 <= len(lines) <= _MOST_STATEMENTS:
        raise TrustError(f"{where} has {len(lines)} statements")
    return tuple(open_statement(line, keys, threshold, where) for line in lines)


def predicate_in(bundle: bytes, predicate_type: str, where: str) -> Any:
    """What a bundle whose bytes are verified says, of the first statement of this type; None where
    it has none. Raises TrustError."""
    try:
        for line in bundle.splitlines():
            said = parse_json(Envelope.from_dict(json.loads(line)).payload)
            if said["predicateType"] == predicate_type:
                return said["predicate"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrustError(f"{where} is no bundle of statements") from error
    return None


def open_statement(data: bytes, keys: Sequence[Key], threshold: int, where: str) -> bytes:
    """The statement in an envelope that enough of the keys signed. Raises TrustError."""
    try:
        parse_json(data)
        envelope = Envelope.from_dict(json.loads(data))
        if envelope.payload_type != _PAYLOAD_TYPE:
            raise TrustError(f"{where} is no in-toto statement")
        envelope.verify(list(keys), threshold)
    except (ValueError, KeyError, TypeError, AttributeError, SignerError) as error:
        raise TrustError(f"{where} is not a statement that the keys signed") from error
    payload: bytes = envelope.payload
    return payload
