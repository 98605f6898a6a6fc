"""What the store's documents say: manifests, and the commits of a model's role."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal, Self, get_args

from pydantic import ValidationError
from tuf.api.metadata import TargetFile, Targets

from smartwatts_ml.errors import TrustError, UsageError
from smartwatts_ml.pulling.layout import MAX_FILE_BYTES, MAX_VERSION
from smartwatts_ml.pulling.rings import Candidate, candidate_of
from smartwatts_ml.store.canonical import Canonical, parse_json
from smartwatts_ml.store.layout import FILE_SUFFIX, file_name

__all__ = [
    "Action",
    "HistoryEntry",
    "Manifest",
    "PROMOTIONS",
    "Pointer",
    "ROLLOUT",
    "check_text",
    "custom_of",
    "entry_of",
]

Action = Literal["promote", "rollback", "force", "candidate", "widen", "halt"]
PROMOTIONS: Final = ("promote", "force")
"""Actions that put a version in force for the first time."""
ROLLOUT: Final = ("candidate", "widen", "halt")
"""Actions on a candidate: they leave in force what is."""
_SCHEMA = 3
_READ = (2, 3)
"""Schemas of manifests that are read."""
_MOST_TEXT = 2000
"""Characters of a reason or a name; readers have limits, so the writer has."""


@dataclass(frozen=True)
class Manifest(Canonical):
    """What one version is and why it was accepted. ``size`` in bytes; measurements are
    decimal strings; ``created`` by the clock of who published it first; ``runtime``: what it
    needs to run, with golden vectors, None of a version that an earlier release published."""

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
    runtime: dict[str, Any] | None = None
    schema: int = field(default=_SCHEMA, kw_only=True)

    @classmethod
    def read(cls, data: bytes, where: str) -> Self:
        """Read verified bytes. Raises TrustError where they are no manifest."""
        try:
            schema = parse_json(data)["schema"]
        except (ValueError, KeyError, TypeError) as error:
            raise TrustError(f"{where} is no manifest") from error
        if schema not in _READ:
            raise TrustError(
                f"{where} is of another schema than {_SCHEMA}, which this version reads",
                fix="update smartwatts-ml",
            )
        try:
            return cls.parse(data)
        except ValidationError as error:
            name = error.errors()[0]["loc"][0]
            raise TrustError(f"{where} has no valid {name!r}") from error


@dataclass(frozen=True)
class HistoryEntry(Canonical):
    """One promotion, rollback or change of a candidate: the version in force from this serial on,
    and the candidate beside it. ``serial``: the version of the model's role that says so first;
    ``run_id``: of the run that made the version in force."""

    model: str
    serial: int
    action: Action
    version: int
    sha256: str
    size: int
    previous_version: int | None
    commit_id: str
    actor: str
    run_id: str
    reason: str
    time: str
    candidate: Candidate | None = None

    @property
    def about(self) -> int:
        """The version that something was done with."""
        return self.candidate.version if self.candidate else self.version

    def of_candidate(self) -> HistoryEntry | None:
        """The same of the candidate, as if it were in force."""
        it = self.candidate
        if it is None:
            return None
        return replace(self, version=it.version, sha256=it.sha256, size=it.size, run_id=it.run_id)


@dataclass(frozen=True)
class Pointer(Canonical):
    """What clients are told of a model, and until when (``expires``, of the timestamp)."""

    model: str
    version: int
    file: str
    sha256: str
    size: int
    serial: int
    commit_id: str
    expires: str


def custom_of(entry: HistoryEntry) -> dict[str, Any]:
    """What the file's target says beside its digest."""
    candidate = {"candidate": _said_of(entry.candidate)} if entry.candidate else {}
    return {
        **candidate,
        "version": entry.version,
        "action": entry.action,
        "reason": entry.reason,
        "actor": entry.actor,
        "run": entry.run_id,
        "previous": entry.previous_version,
        "commit": entry.commit_id,
        "at": entry.time,
    }


def _said_of(candidate: Candidate) -> dict[str, Any]:
    """As ``pulling.rings`` reads it."""
    said = asdict(candidate)
    return {**said, "length": said.pop("size"), "run": said.pop("run_id")}


def entry_of(model: str, role: Targets, where: str) -> HistoryEntry:
    """What a verified version of a model's role puts in force. Raises TrustError."""
    files = [target for path, target in role.targets.items() if path.endswith(FILE_SUFFIX)]
    if len(files) != 1:
        raise TrustError(f"{where} names {len(files)} files instead of one")
    (target,) = files
    entry = _parsed(model, role.version, target, where)
    if not 1 <= entry.version <= MAX_VERSION or entry.size > MAX_FILE_BYTES:
        raise TrustError(f"{where} names a version or a size that nothing has")
    if target.path != f"{model}/{file_name(model, entry.version)}":
        raise TrustError(f"{where} names a file that is not of its version")
    return entry


def _parsed(model: str, serial: int, target: TargetFile, where: str) -> HistoryEntry:
    try:
        custom = dict(target.custom)
        return HistoryEntry(
            model=model,
            serial=serial,
            action=_action(custom["action"]),
            version=_whole(custom["version"]),
            sha256=str(target.hashes["sha256"]),
            size=target.length,
            previous_version=None if custom["previous"] is None else _whole(custom["previous"]),
            commit_id=str(custom["commit"]),
            actor=str(custom["actor"]),
            run_id=str(custom["run"]),
            reason=str(custom["reason"]),
            time=str(custom["at"]),
            candidate=_candidate(custom, target.path),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise TrustError(f"{where} does not say what it puts in force") from error


def _candidate(custom: Mapping[str, Any], path: str) -> Candidate | None:
    candidate = candidate_of(custom, _whole(custom["version"]))
    if candidate and candidate.size > MAX_FILE_BYTES:
        raise ValueError(f"the candidate beside {path} is too large")
    return candidate


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("no whole number")
    return value


def _action(value: Any) -> Action:
    if value not in get_args(Action):
        raise ValueError("no action")
    action: Action = value
    return action


def check_text(text: str, what: str) -> str:
    """The text itself, if it can be signed and shown. Raises UsageError.

    >>> check_text("v4 misses kettles", "the reason")
    'v4 misses kettles'
    """
    if len(text) > _MOST_TEXT:
        raise UsageError(f"{what} has {len(text):,} characters", fix=f"at most {_MOST_TEXT:,}")
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character != "\n":
            raise UsageError(f"{what} holds the control character {ord(character):#04x}")
    return text
