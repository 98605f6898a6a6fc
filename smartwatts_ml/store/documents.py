"""The signed documents of the store, their places, and their exact JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from pydantic import ValidationError

from smartwatts_ml.errors import TrustError
from smartwatts_ml.names import check_model
from smartwatts_ml.store.canonical import Canonical, parse_json, parse_time

__all__ = [
    "Document",
    "HistoryEntry",
    "Manifest",
    "Pointer",
    "file_key",
    "file_name",
    "history_key",
    "history_prefix",
    "manifest_key",
    "pointer_key",
]

_SCHEMA = 1
_CLOCK_TOLERANCE = timedelta(days=1)
"""How far the clocks of a signer and a reader may differ."""


def file_name(model: str, version: int) -> str:
    """Name of a version's file.

    >>> file_name("forecasting_24h", 3)
    'forecasting_24h_v3.tflite'
    """
    return f"{model}_v{version}.tflite"


def file_key(model: str, version: int) -> str:
    """Where a version's file is."""
    return f"models/{check_model(model)}/{file_name(model, version)}"


def manifest_key(model: str, version: int) -> str:
    """Where a version's manifest is."""
    return f"models/{check_model(model)}/{model}_v{version}.json"


def history_prefix(model: str) -> str:
    """Where a model's history is."""
    return f"models/{check_model(model)}/history/"


def history_key(model: str, serial: int) -> str:
    """Where one entry of the history is.

    >>> history_key("nilm", 17)
    'models/nilm/history/0000000017.json'
    """
    return f"{history_prefix(model)}{serial:010d}.json"


def pointer_key(model: str) -> str:
    """Where the pointer to the champion is."""
    return f"models/{check_model(model)}/champion.json"


@dataclass(frozen=True)
class Document(Canonical):
    """Something signed."""

    payload_type: ClassVar[str]

    schema: int = field(default=_SCHEMA, kw_only=True)

    @classmethod
    def read(cls, payload: bytes, where: str) -> Self:
        """Read a verified payload. Raises TrustError where it is not this document."""
        try:
            schema = parse_json(payload)["schema"]
        except (ValueError, KeyError, TypeError) as error:
            raise TrustError(f"{where} has a payload that is no document") from error
        if schema != _SCHEMA:
            raise TrustError(
                f"{where} has schema {schema}, this version reads {_SCHEMA}",
                fix="update smartwatts-ml",
            )
        try:
            return cls.parse(payload)
        except ValidationError as error:
            name = error.errors()[0]["loc"][0]
            raise TrustError(f"{where} has no valid {name!r}") from error


@dataclass(frozen=True)
class Manifest(Document):
    """What one version is and why it was accepted. ``size`` in bytes; measurements are
    decimal strings; ``replaces`` is the champion's version when it was published."""

    payload_type: ClassVar[str] = "application/vnd.smartwatts.manifest+json"

    model: str
    version: int
    file: str
    sha256: str
    size: int
    created: str
    run_id: str
    code: str
    snapshot: dict[str, Any]
    inputs: list[Any]
    outputs: list[Any]
    metrics: dict[str, Any]
    decision: dict[str, Any]
    quantization: str
    replaces: int | None


@dataclass(frozen=True)
class HistoryEntry(Document):
    """One promotion or rollback: the version in force from this serial on."""

    payload_type: ClassVar[str] = "application/vnd.smartwatts.history+json"

    model: str
    serial: int
    action: str
    version: int
    sha256: str
    previous_version: int | None
    commit_id: str
    actor: str
    run_id: str
    reason: str
    time: str


@dataclass(frozen=True)
class Pointer(Document):
    """The champion in one small object, for gateways; it expires."""

    payload_type: ClassVar[str] = "application/vnd.smartwatts.champion+json"

    model: str
    version: int
    file: str
    sha256: str
    size: int
    serial: int
    commit_id: str
    time: str
    expires: str

    def trouble(self, now: datetime) -> str | None:
        """Why it does not hold at this time; None where it does."""
        try:
            signed, expires = parse_time(self.time), parse_time(self.expires)
        except ValueError:
            return "has no valid times"
        if expires <= now:
            return f"expired {self.expires}"
        if signed > now + _CLOCK_TOLERANCE:
            return f"was signed in the future, {self.time}"
        return None
