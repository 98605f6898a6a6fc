"""The forms of metadata that a client takes: what the specification of The Update Framework asks
for, and nothing that two readers could read in two ways. gateway/SmartWattsPull.java has the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from smartwatts_ml.pulling.layout import MAX_METADATA_BYTES, MAX_VERSION

__all__ = ["TOP_LEVEL", "check_form", "check_key_form", "kind_of"]

TOP_LEVEL: Final = ("root", "timestamp", "snapshot", "targets")
_MOST_NESTED: Final = 64
_MAX_NUMBER: Final = 2**53 - 1
_SCHEMES: Final = (
    ("ed25519", "ed25519"),
    ("ecdsa", "ecdsa-sha2-nistp256"),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"),
    ("rsa", "rsassa-pss-sha256"),
)
_RAW_KEY = re.compile(r"[0-9a-fA-F]{64}")
_PEM = re.compile(
    r"-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=]{1,76}\n)+-----END PUBLIC KEY-----\n?"
)
_LONGEST_KEY = 8192
_OUTSIDE_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"?|([\[{])|([\]}])', re.DOTALL)


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


def _matching(pattern: str) -> StringConstraints:
    return StringConstraints(strict=True, pattern=pattern)


def _unique(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("repeat")
    return values


def _plain_wildcards(paths: list[str]) -> list[str]:
    if any("[" in path for path in paths):
        raise ValueError("a path has more than * and ?")
    return paths


_Version = Annotated[int, Field(ge=1, le=MAX_VERSION)]
_Count = Annotated[int, Field(ge=0)]
_Hashes = Annotated[dict[Literal["sha256", "sha384", "sha512"], str], Field(min_length=1)]
_Time = Annotated[
    str, _matching(r"^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$".replace(r"\d", "[0-9]"))
]


class _Signature(_Form):
    keyid: str
    sig: Annotated[str, _matching("^([0-9a-fA-F]{2})*$")]


class _KeyValue(_Form):
    public: str


class _Key(_Form):
    keytype: str
    scheme: str
    keyval: _KeyValue

    @model_validator(mode="after")
    def _known(self) -> Self:
        if (self.keytype, self.scheme) not in _SCHEMES:
            raise ValueError("a key of another type than Ed25519, ECDSA P-256 and RSA-PSS")
        form = _RAW_KEY if self.scheme == "ed25519" else _PEM
        public = self.keyval.public
        if len(public) > _LONGEST_KEY or not form.fullmatch(public):
            raise ValueError("a key has no public half")
        return self


class _Role(_Form):
    keyids: Annotated[list[str], AfterValidator(_unique)]
    threshold: Annotated[int, Field(ge=1)]


class _Delegation(_Role):
    name: Annotated[str, Field(min_length=1)]
    terminating: bool
    paths: Annotated[list[str], AfterValidator(_plain_wildcards)] = []
    path_hash_prefixes: list[str] = []

    @model_validator(mode="after")
    def _own(self) -> Self:
        if self.name in TOP_LEVEL:
            raise ValueError("a role has no name of its own")
        if len({"paths", "path_hash_prefixes"} & self.model_fields_set) != 1:
            raise ValueError("a role has not one of paths and path_hash_prefixes")
        return self


class _Meta(_Form):
    version: _Version
    length: _Count = 0
    hashes: _Hashes = Field(default_factory=dict)


class _Signed(_Form):
    spec_version: Annotated[str, _matching(r"^1\.[0-9]{1,9}(\.[0-9]{1,9})?$")]
    version: _Version
    expires: _Time


class _TopRoles(_Form):
    model_config = ConfigDict(extra="forbid")
    root: _Role
    timestamp: _Role
    snapshot: _Role
    targets: _Role


class _Root(_Signed):
    consistent_snapshot: bool = False
    keys: dict[str, _Key]
    roles: _TopRoles

    @model_validator(mode="after")
    def _one_id_a_key(self) -> Self:
        for name in TOP_LEVEL:
            _check_ids(getattr(self.roles, name), self.keys)
        return self


class _TimestampMeta(_Form):
    model_config = ConfigDict(extra="forbid")
    snapshot: _Meta = Field(alias="snapshot.json")


class _Timestamp(_Signed):
    meta: _TimestampMeta


class _Snapshot(_Signed):
    meta: dict[str, _Meta]


class _Target(_Form):
    length: _Count
    hashes: _Hashes


class _Delegations(_Form):
    keys: dict[str, _Key]
    roles: list[_Delegation]

    @model_validator(mode="after")
    def _one_id_a_key(self) -> Self:
        if "succinct_roles" in (self.model_extra or {}):
            raise ValueError("succinct_roles are not known here")
        _unique([role.name for role in self.roles])
        for role in self.roles:
            _check_ids(role, self.keys)
        return self


class _Targets(_Signed):
    targets: dict[str, _Target]
    delegations: _Delegations = Field(default=None)  # type: ignore[assignment]


class _Document(_Form):
    signatures: list[_Signature]
    signed: dict[str, Any]


_KINDS: dict[str, type[_Signed]] = {
    "root": _Root,
    "timestamp": _Timestamp,
    "snapshot": _Snapshot,
    "targets": _Targets,
}


def kind_of(role: str) -> str:
    """The kind of a role's metadata.

    >>> kind_of("snapshot"), kind_of("nilm")
    ('snapshot', 'targets')
    """
    return role if role in TOP_LEVEL else "targets"


def check_form(data: bytes, kind: str) -> None:
    """Raise ValueError, in a few words, where bytes are no metadata of a kind. Says nothing of
    whether the signatures hold."""
    if len(data) > MAX_METADATA_BYTES[kind]:
        raise ValueError(f"more than {MAX_METADATA_BYTES[kind]:,} bytes")
    document = _parsed(data)
    try:
        form = _Document.model_validate(document)
        _unique([signature.keyid for signature in form.signatures])
        if form.signed.get("_type") != kind:
            raise ValueError(f"_type is not {kind}")
        _KINDS[kind].model_validate(form.signed)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise ValueError(f"{where}: {fault['msg']}" if where else fault["msg"]) from error


def check_key_form(key: Mapping[str, Any]) -> None:
    """Raise ValueError where a key, as metadata has it, is of no kind that is taken here."""
    _Key.model_validate(key)


def _check_ids(role: _Role, keys: Mapping[str, _Key]) -> None:
    """Two ids of one key would count twice for a threshold."""
    publics = [keys[keyid].keyval.public for keyid in role.keyids if keyid in keys]
    if len(set(publics)) < len(publics):
        raise ValueError("one key has two ids")


def _parsed(data: bytes) -> Any:
    """Strict JSON of bounded depth, without floats."""
    depth = 0
    for match in _OUTSIDE_STRINGS.finditer(data):
        depth += bool(match[1]) - bool(match[2])
        if depth > _MOST_NESTED:
            raise ValueError(f"nested deeper than {_MOST_NESTED}")
    text = data.decode("utf-8")
    value = json.loads(
        text,
        object_pairs_hook=_object,
        parse_float=_refuse_number,
        parse_constant=_refuse_number,
        parse_int=_whole_number,
    )
    _check_text(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _refuse_number(text: str) -> Any:
    raise ValueError("a number that is not whole")


def _whole_number(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > _MAX_NUMBER:
        raise ValueError("a number that is too large")
    return int(text)


def _check_text(value: Any) -> None:
    """Refuse half a character (a lone surrogate), of which there are no bytes."""
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, dict):
        for name, item in value.items():
            name.encode("utf-8")
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
