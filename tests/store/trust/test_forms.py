"""What is no envelope, or no document of a known form, is refused though it is signed."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from smartwatts_ml.errors import TrustError
from smartwatts_ml.objects import Objects
from smartwatts_ml.store import Store
from smartwatts_ml.store.canonical import canonical_json, without_floats
from smartwatts_ml.store.signing import seal
from tests.store.trust.changes import put


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"\xff", b'{"payload":1}', b"[" * 100_000]
)
def test_what_is_no_envelope_is_refused(store: Store, objects: Objects, data: bytes) -> None:
    put(objects, "models/nilm/history/0000000002.json", data)
    with pytest.raises(TrustError, match="not a signed envelope"):
        store.champion("nilm")


def test_an_envelope_that_says_a_name_twice_is_refused(store: Store, objects: Objects) -> None:
    key = "models/nilm/history/0000000002.json"
    put(objects, key, b'{"payload":"",' + objects.read(key).data[1:])
    with pytest.raises(TrustError, match="not a signed envelope"):
        store.champion("nilm")


def test_a_signed_document_that_says_a_name_twice_is_refused(
    store: Store, objects: Objects
) -> None:
    envelope = json.loads(objects.read("models/nilm/champion.json").data)
    body = b'{"serial":1,' + b64decode(envelope["payload"])[1:]
    sealed = seal(body, envelope["payloadType"], store.keys.signing_keys())
    put(objects, "models/nilm/champion.json", sealed)
    with pytest.raises(TrustError, match="a payload that is no document"):
        store.pointer("nilm")


def resealed(store: Store, objects: Objects, key: str, changes: dict[str, Any]) -> None:
    """Sign a document with other words; None takes a word out."""
    envelope = json.loads(objects.read(key).data)
    payload = json.loads(b64decode(envelope["payload"])) | changes
    body = canonical_json({name: value for name, value in payload.items() if value is not None})
    put(objects, key, seal(body, envelope["payloadType"], store.keys.signing_keys()))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": 2}, "has schema 2, this version reads 1.*update"),
        ({"schema": None}, "no document"),
        ({"serial": "2"}, "no valid 'serial'"),
        ({"serial": True}, "no valid 'serial'"),
        ({"actor": 3}, "no valid 'actor'"),
        ({"actor": None}, "no valid 'actor'"),
        ({"more": 1}, "no valid 'more'"),
    ],
)
def test_a_signed_document_of_another_form_is_refused(
    store: Store, objects: Objects, changes: dict[str, Any], said: str
) -> None:
    resealed(store, objects, "models/nilm/history/0000000002.json", changes)
    with pytest.raises(TrustError, match=said):
        store.champion("nilm")


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{}", b"\xff", b"[" * 100_000])
def test_a_signed_payload_that_is_no_document_is_refused(
    store: Store, objects: Objects, body: bytes
) -> None:
    kind = "application/vnd.smartwatts.champion+json"
    put(objects, "models/nilm/champion.json", seal(body, kind, store.keys.signing_keys()))
    with pytest.raises(TrustError, match="a payload that is no document"):
        store.pointer("nilm")


def test_the_reference_implementation_of_dsse_verifies_our_envelopes(
    store: Store, objects: Objects
) -> None:
    signing = store.keys.signing_key()
    key = SSlibKey.from_crypto(signing.key.public_key(), keyid=signing.keyid)
    for name in ("champion.json", "nilm_v1.json", "history/0000000001.json"):
        envelope = Envelope.from_dict(json.loads(objects.read(f"models/nilm/{name}").data))
        assert list(envelope.verify([key], 1)) == [signing.keyid]


def test_a_float_is_never_signed_as_a_float() -> None:
    with pytest.raises(TypeError):
        canonical_json({"a": [1.5]})
    assert without_floats({"a": (1.0, float("inf"), True, 3)}) == {"a": ["1.0", None, True, 3]}
