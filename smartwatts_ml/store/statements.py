"""The in-toto statement of the run that made a file: what went in, what was decided.

It is published beside the file, in a DSSE envelope that the model's keys signed
(https://github.com/in-toto/attestation). Signing and verifying are securesystemslib's.
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

__all__ = ["RUN_PREDICATE", "open_statement", "run_statement", "seal_statement"]

RUN_PREDICATE: Final = "urn:smartwatts:run:v1"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


def run_statement(subjects: Mapping[str, str], predicate: Mapping[str, Any]) -> bytes:
    """The statement that a run made files of these digests (SHA-256 by name), as JSON of which
    there is one text. ``predicate`` holds no floats."""
    return canonical_json(
        {
            "_type": _STATEMENT,
            "subject": [
                {"name": name, "digest": {"sha256": sha256}} for name, sha256 in subjects.items()
            ],
            "predicateType": RUN_PREDICATE,
            "predicate": dict(predicate),
        }
    )


def seal_statement(statement: bytes, signers: Sequence[Signer]) -> bytes:
    """One line of JSON: the statement in an envelope that the signers signed."""
    envelope = Envelope(statement, _PAYLOAD_TYPE, {})
    for signer in signers:
        envelope.sign(signer)
    return canonical_json(envelope.to_dict()) + b"\n"


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
