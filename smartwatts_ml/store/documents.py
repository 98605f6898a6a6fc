"""The signed documents of the store, their places, and their exact JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, ClassVar, Self, get_type_hints

from smartwatts_ml.errors import TrustError, UsageError

__all__ = [
    "Document",
    "HistoryEntry",
    "Manifest",
    "Pointer",
    "check_model",
    "file_key",
    "file_name",
    "format_time",
    "history_key",
    "history_prefix",
    "is_model",
    "manifest_key",
    "parse_time",
    "pointer_key",
]

SCHEMA = 1
CLOCK_TOLERANCE = timedelta(days=1)
"""How far the clocks of a signer and a reader may differ."""
MODEL_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def is_model(name: str) -> bool:
    """Whether a model can be called so.

    >>> is_model("nilm"), is_model("../nilm")
    (True, False)
    """
    return MODEL_NAME.fullmatch(name) is not None


def check_model(model: str) -> str:
    """The name itself, if a model can be called so. Raises UsageError."""
    if not is_model(model):
        raise UsageError(f"{model!r} is not a model's name", fix="e.g. nilm or forecasting_24h")
    return model


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


def format_time(time: datetime) -> str:
    """UTC, whole seconds.

    >>> format_time(datetime(2026, 11, 22, 2, 11, 9, tzinfo=UTC))
    '2026-11-22T02:11:09Z'
    """
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """The instant that ``format_time`` wrote. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


@cache
def _types(document: type) -> dict[str, Any]:
    """Its fields' types; a page of many versions asks for them again and again."""
    return get_type_hints(document)


@dataclass(frozen=True)
class Document:
    """Something signed. Its fields are the keys of its JSON, beside ``schema``."""

    payload_type: ClassVar[str]

    def payload(self) -> dict[str, Any]:
        """The JSON that is signed."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any], where: str) -> Self:
        """Read a verified payload. Raises TrustError where it is not this document."""
        if payload.get("schema") != SCHEMA:
            raise TrustError(
                f"{where} has schema {payload.get('schema')}, this version reads {SCHEMA}",
                fix="update smartwatts-ml",
            )
        document: type = cls
        hints = _types(document)
        values = {}
        for field in fields(cls):
            value = payload.get(field.name)
            if field.name not in payload or not _fits(value, hints[field.name]):
                raise TrustError(f"{where} has no valid {field.name!r}")
            values[field.name] = value
        return cls(**values)


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
        if signed > now + CLOCK_TOLERANCE:
            return f"was signed in the future, {self.time}"
        return None


def _fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value has the type of a field (bool is not an int here)."""
    if isinstance(value, bool):
        return False
    options = getattr(hint, "__args__", ()) if hint == int | None else (hint,)
    return isinstance(value, tuple(getattr(option, "__origin__", option) for option in options))
