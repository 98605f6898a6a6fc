"""Copying verified versions into a folder, for a gateway's build.

Needs a root to read from and the pinned root of trust, nothing that signs. Everything of a model
is verified before its first file takes its name, and one model's trouble is its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tuf.api.metadata import TargetFile, Targets

from smartwatts_ml.errors import NotPublishedError, SmartwattsError, TrustError
from smartwatts_ml.names import is_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.pulling.client import Client
from smartwatts_ml.pulling.fetching import Deadline
from smartwatts_ml.pulling.folder import PulledVersion, PullFolder
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES, MAX_FILE_BYTES, PREVIOUS
from smartwatts_ml.pulling.rings import Candidate, Gateway, Ring, candidate_of

__all__ = ["DEADLINE_S", "Pulled", "PullOutcome", "pull_models"]

DEADLINE_S = 600
_FILE = re.compile(r"([a-z][a-z0-9_]*)_v([1-9][0-9]{0,15})\.tflite")
_IDENTIFIER = b"TFL3"
_Check = Callable[[str, bytes, bytes], None]


@dataclass(frozen=True)
class Pulled:
    """What lies in the folder now; ``serial`` is the version of the model's metadata; ``ring``:
    what the version was."""

    model: str
    version: int
    serial: int
    path: Path
    sha256: str
    updated: bool
    ring: Ring = "champion"


@dataclass(frozen=True)
class PullOutcome:
    """What was pulled, and what was not."""

    pulled: tuple[Pulled, ...]
    troubles: tuple[SmartwattsError, ...]


def pull_models(
    objects: Objects,
    trusted_root: bytes,
    folder: Path,
    models: Sequence[str] = (),
    *,
    version: int | None = None,
    gateway: Gateway | None = None,
    deadline_s: float = DEADLINE_S,
    check: _Check | None = None,
    now: datetime | None = None,
) -> PullOutcome:
    """Bring a folder up to date with what is in force, or with one version that once was.

    ``gateway``: who it is for, and takes a candidate where its place is below the share; None
    for what is shipped to all, which is what is in force.
    ``models``: all that are published where none is named; ``deadline_s``: seconds that all of
    it may take; ``check``: gets name, file and manifest of each version, verified, before anything
    is written, and raises what keeps that model as it was. Raises TrustError or StoreError where
    the repository as a whole does not hold, and the models are then as they were.
    """
    place = PullFolder(folder)
    with Deadline(deadline_s) as deadline, place.held(deadline):
        client = Client(place.state, objects, trusted_root, deadline, now=now)
        with client.opened():
            asked = _Asked(version, gateway, now or datetime.now(UTC))
            wanted = models or _published(client, objects)
            return _pull_all(client, place, wanted, asked, check)


@dataclass(frozen=True)
class _Asked:
    """Which version is wanted, None for what is meant for the gateway now."""

    version: int | None
    gateway: Gateway | None
    now: datetime

    def takes(self, model: str, candidate: Candidate) -> bool:
        if self.version is not None:
            return candidate.version == self.version
        return self.gateway is not None and candidate.is_for(model, self.gateway, self.now)


def _published(client: Client, objects: Objects) -> list[str]:
    models = [name for name, is_there in client.models().items() if is_there and is_model(name)]
    if not models:
        raise NotPublishedError(f"no model has been published in {objects.url}", fix="check --root")
    return models


def _pull_all(
    client: Client,
    place: PullFolder,
    models: Sequence[str],
    asked: _Asked,
    check: _Check | None,
) -> PullOutcome:
    pulled, changes, versions = [], [], []
    troubles: list[SmartwattsError] = []
    for model in dict.fromkeys(models):
        try:
            wanted = _wanted(client, model, asked)
            current = place.holds(wanted)
            files = [] if current else _files(client, wanted)
            if check:
                _checked(check, wanted, dict(files) or place.contents(wanted))
            changes += files
        except SmartwattsError as error:
            troubles.append(error)
            continue
        versions.append(wanted)
        stable = place.path / wanted.names[-1]
        sha256 = wanted.file.hashes.get("sha256", "")
        pulled.append(
            Pulled(model, wanted.version, wanted.serial, stable, sha256, not current, wanted.ring)
        )
    place.write(changes, versions)
    return PullOutcome(tuple(pulled), tuple(troubles))


def _checked(check: _Check, wanted: PulledVersion, contents: Mapping[str, bytes]) -> None:
    file, manifest, _ = wanted.names
    check(f"{wanted.model} v{wanted.version}", contents[file], contents[manifest])


def _wanted(client: Client, model: str, asked: _Asked) -> PulledVersion:
    """The version that is asked for."""
    models = client.models()
    if model not in models:
        raise NotPublishedError(f"there is no model {model} in {client.objects.url}")
    if not models[model]:
        raise NotPublishedError(f"{model} has not been published yet")
    role = client.role(model)
    number, path = _in_force(model, role)
    candidate = _candidate(model, role.targets[path].custom, number)
    if candidate and asked.takes(model, candidate):
        return _candidates_files(client, model, role.version, candidate)
    if asked.version in (None, number):
        file, manifest = client.target(path), client.target(f"{model}/{model}_v{number}.json")
        return PulledVersion(model, number, file, manifest, role.version)
    return _once_in_force(client, model, role, asked.version)


def _candidate(model: str, custom: object, champion: int) -> Candidate | None:
    try:
        return candidate_of(custom, champion)
    except ValueError as error:
        raise TrustError(f"the candidate in the metadata of {model} {error}") from error


def _candidates_files(
    client: Client, model: str, serial: int, candidate: Candidate
) -> PulledVersion:
    """The manifest is a target of its own; the file is named with the candidate, since those who
    know none take the role's one file for what is in force."""
    base = f"{model}/{model}_v{candidate.version}"
    file = TargetFile(candidate.size, {"sha256": candidate.sha256}, f"{base}.tflite")
    manifest = client.target(f"{base}.json")
    return PulledVersion(model, candidate.version, file, manifest, serial, "candidate")


def _once_in_force(client: Client, model: str, role: Targets, version: int | None) -> PulledVersion:
    """A version that was in force, found from the newest metadata back."""
    older = role
    while isinstance(previous := older.unrecognized_fields.get(PREVIOUS), str):
        if older.version == 1:
            break
        older = client.past(model, older.version - 1, previous)
        number, path = _in_force(model, older)
        if number == version:
            manifest = _target(older, f"{model}/{model}_v{number}.json")
            file = _target(older, path)
            return PulledVersion(model, number, file, manifest, role.version, "past")
    raise NotPublishedError(f"{model} v{version} was never in force")


def _target(role: Targets, path: str) -> TargetFile:
    if path not in role.targets:
        raise TrustError(f"no metadata speaks of {path}")
    return role.targets[path]


def _in_force(model: str, role: Targets) -> tuple[int, str]:
    """Number and path of the one file that a role's metadata names."""
    files = [path for path in role.targets if path.endswith(".tflite")]
    if len(files) != 1:
        raise TrustError(f"the metadata of {model} names {len(files)} files, not one")
    path = files[0]
    name = _FILE.fullmatch(path.rpartition("/")[2])
    if name is None or name[1] != model or path != f"{model}/{name[0]}":
        raise TrustError(f"the metadata of {model} names {path}, which is no file of it")
    custom = role.targets[path].custom
    said = custom.get("version") if isinstance(custom, dict) else None
    if isinstance(said, bool) or said != int(name[2]):
        raise TrustError(f"{path} is said to be another version than its name says")
    return int(name[2]), path


def _files(client: Client, wanted: PulledVersion) -> list[tuple[str, bytes]]:
    """What to write, verified, in the order in which it takes its names."""
    manifest = client.download(wanted.manifest, MAX_DOCUMENT_BYTES)
    data = client.download(wanted.file, MAX_FILE_BYTES)
    if data[4:8] != _IDENTIFIER:
        raise TrustError(f"{wanted.file.path} is no .tflite file: it lacks the identifier TFL3")
    file_name, manifest_name, stable = wanted.names
    return [(file_name, data), (manifest_name, manifest), (stable, data)]
