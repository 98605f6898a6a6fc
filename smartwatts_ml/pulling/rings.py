"""Rings: which gateways take a version that is not in force yet, its candidate.

What a model's metadata says of a candidate is signed with what it says of the champion. The id of
a gateway gives it a place among 10,000, another one for every salt; those below the share take the
candidate. So who is among 5 % is among 25 % too. gateway/SmartWattsPull.java has the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from smartwatts_ml.errors import UsageError
from smartwatts_ml.pulling.layout import MAX_VERSION

__all__ = ["ALL", "Candidate", "Gateway", "Ring", "candidate_of", "place_of"]

ALL: Final = 10_000
"""The share that is everybody: shares are in hundredths of a percent."""
Ring = Literal["champion", "candidate", "past"]
"""What a pulled version was: in force, out for some gateways, or in force once."""
_ID = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
_RUNTIME = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,3}")
_SALT = re.compile(r"[A-Za-z0-9]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")


@dataclass(frozen=True)
class Gateway:
    """Who pulls. ``runtime``: the version of LiteRT that it runs models with, None where it
    does not say. Raises UsageError."""

    id: str
    runtime: str | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise UsageError(
                f"{self.id!r} is no id of a gateway",
                fix="1 to 128 letters, digits and . _ : @ -",
            )
        if self.runtime is not None and not _RUNTIME.fullmatch(self.runtime):
            raise UsageError(f"{self.runtime!r} is no version of a runtime", fix="e.g. 2.3.0")


@dataclass(frozen=True)
class Candidate:
    """A version that some gateways take. ``size`` in bytes; ``share`` of ALL, 0 where it was
    halted; from ``since`` on and before ``until``; ``runtime``: the least that a gateway has to
    have, empty where any will do; ``run_id``: of the run that made it."""

    version: int
    size: int
    sha256: str
    share: int
    salt: str
    since: str
    until: str
    runtime: str = ""
    run_id: str = ""

    @property
    def percent(self) -> str:
        """The share, for people.

        >>> Candidate(3, 1, "", 250, "", "", "").percent
        '2.5 %'
        """
        return f"{self.share * 100 / ALL:g} %"

    def is_out(self, now: datetime) -> bool:
        """Whether any gateway takes it."""
        return self.share > 0 and _time(self.since) <= now < _time(self.until)

    def is_for(self, model: str, gateway: Gateway, now: datetime) -> bool:
        """Whether a gateway takes it, by its clock."""
        return (
            self.is_out(now)
            and place_of(self.salt, model, gateway.id) < self.share
            and _reaches(gateway.runtime, self.runtime)
        )


def place_of(salt: str, model: str, gateway: str) -> int:
    """The place of a gateway's id, 0 to ALL - 1: the first 8 bytes of a SHA-256, scaled.

    >>> place_of("5f3a", "nilm", "home7"), place_of("77c1", "nilm", "home7")
    (1398, 823)
    """
    digest = hashlib.sha256(f"{salt}|{model}|{gateway}".encode()).digest()
    return int.from_bytes(digest[:8], "big") * ALL >> 64


def candidate_of(custom: object, champion: int) -> Candidate | None:
    """What the metadata of the file in force says of a candidate; None where there is none.
    Raises ValueError, in a few words, where that has not the form."""
    said = custom.get("candidate") if isinstance(custom, Mapping) else None
    if said is None:
        return None
    if not isinstance(said, Mapping):
        raise ValueError("is no object")
    candidate = Candidate(
        version=_whole(said, "version", 1, MAX_VERSION),
        size=_whole(said, "length", 0, 2**53 - 1),
        sha256=_text(said, "sha256", _SHA256),
        share=_whole(said, "share", 0, ALL),
        salt=_text(said, "salt", _SALT),
        since=_text(said, "since", _TIME),
        until=_text(said, "until", _TIME),
        runtime=_text(said, "runtime", _RUNTIME) if said.get("runtime", "") != "" else "",
        run_id=str(said.get("run", "")),
    )
    if candidate.version == champion:
        raise ValueError("is the version in force")
    if not _time(candidate.since) < _time(candidate.until):
        raise ValueError("ends before it begins")
    return candidate


def _reaches(has: str | None, least: str) -> bool:
    """Whether a runtime is new enough; one that is not known is not."""
    if not least:
        return True
    return has is not None and _numbers(has) >= _numbers(least)


def _numbers(version: str) -> tuple[int, ...]:
    """Four of them, so that 2.3 is 2.3.0."""
    parts = [int(part) for part in version.split(".")]
    return (*parts, *[0] * (4 - len(parts)))


def _whole(said: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = said.get(name)
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"has a {name} that is none")
    return value


def _text(said: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError(f"has a {name} that is none")
    if form is _TIME:
        _time(value)
    return value


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
