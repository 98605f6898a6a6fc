"""Repositories as the store lays them out, made with python-tuf's own classes and signers, every
part of which a test may change: what is signed is plain JSON here."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

__all__ = ["Repository", "content", "sha256", "time_text"]

TOP = ("root", "targets", "snapshot", "timestamp")
MODELS = ("nilm", "anomaly", "forecasting_24h")
"""The last one is never published here."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def content(text: str) -> bytes:
    """A file that says of itself that it is a model."""
    return b"\x1c\0\0\0TFL3" + hashlib.sha256(text.encode()).digest() * 8


def time_text(**ahead: float) -> str:
    """A time from now on, as metadata has it."""
    return (datetime.now(UTC) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_signers() -> dict[str, list[Signer]]:
    """A key for each role, Ed25519."""
    return {role: [CryptoSigner.generate_ed25519()] for role in (*TOP, *MODELS)}


@dataclass
class Repository:
    """A repository below ``root/models``; ``signed`` holds what each role says, ``data`` the
    bytes that were written last."""

    root: Path
    signers: dict[str, list[Signer]] = field(default_factory=new_signers)
    signed: dict[str, dict[str, Any]] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def new(cls, root: Path, signers: dict[str, list[Signer]] | None = None) -> Repository:
        """One that nothing has been published in."""
        made = cls(root, signers or new_signers())
        made._begin()
        return made

    def copy(self, root: Path) -> Repository:
        """The same at another place."""
        shutil.copytree(self.root, root)
        return Repository(
            root,
            {role: list(signers) for role, signers in self.signers.items()},
            copy.deepcopy(self.signed),
            dict(self.data),
        )

    @property
    def metadata(self) -> Path:
        return self.root / "models" / "metadata"

    def path(self, role: str) -> Path:
        """The newest file of a role."""
        if role == "timestamp":
            return self.metadata / "timestamp.json"
        return self.metadata / f"{self.signed[role]['version']}.{role}.json"

    def trusted_root(self) -> bytes:
        """The first root, which a gateway pins."""
        return (self.metadata / "1.root.json").read_bytes()

    def publish(self, model: str, text: str, *, action: str = "promote") -> None:
        """Put a new version in force; each is promoted once, so that the role's counts them."""
        role = self.signed[model]
        version = role["version"] if model in self.data else 0
        data, manifest = content(text), json.dumps({"model": model, "text": text}).encode()
        number = version + 1
        custom = {"version": number, "action": action, "reason": "better", "actor": "ann"}
        base = f"{model}/{model}_v{number}"
        role["targets"] = {
            f"{base}.tflite": self.target(data) | {"custom": custom},
            f"{base}.json": self.target(manifest),
        }
        self.place(f"{base}.tflite", data)
        self.place(f"{base}.json", manifest)
        self.commit(model)

    def candidate(self, model: str, text: str, **said: Any) -> None:
        """Let a new version be a candidate beside the one in force; for everybody, where nothing
        else is said."""
        role = self.signed[model]
        number = role["version"] + 1
        data, manifest = content(text), json.dumps({"model": model, "text": text}).encode()
        base = f"{model}/{model}_v{number}"
        in_force = next(path for path in role["targets"] if path.endswith(".tflite"))
        role["targets"][in_force]["custom"]["candidate"] = {
            "version": number,
            "length": len(data),
            "sha256": sha256(data),
            "share": 10_000,
            "salt": "5f3a",
            "since": time_text(hours=-1),
            "until": time_text(days=2),
        } | said
        role["targets"][f"{base}.json"] = self.target(manifest)
        self.place(f"{base}.tflite", data)
        self.place(f"{base}.json", manifest)
        self.commit(model)

    def place(self, path: str, data: bytes) -> None:
        """Write what is no metadata."""
        file = self.root / "models" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    @staticmethod
    def target(data: bytes) -> dict[str, Any]:
        return TargetFile.from_data("x", data, ["sha256"]).to_dict()

    def commit(self, *roles: str) -> None:
        """Sign next versions, and let snapshot and timestamp name them."""
        for role in roles:
            self.next(role)
            self.name(role)
        self.next("snapshot")
        self.name("snapshot")
        self.next("timestamp")

    def next(self, role: str) -> None:
        """Sign and write the next version of a role."""
        if role in self.data:
            self.signed[role]["version"] += 1
            if role != "root":
                self.signed[role]["previous_sha256"] = sha256(self.data[role])
        self.write(role)

    def name(self, role: str, version: int | None = None) -> None:
        """Let the role above name the newest bytes of a role."""
        meta = {
            "version": version or self.signed[role]["version"],
            "length": len(self.data[role]),
            "hashes": {"sha256": sha256(self.data[role])},
        }
        above = "timestamp" if role == "snapshot" else "snapshot"
        self.signed[above]["meta"][f"{role}.json"] = meta

    def write(self, role: str) -> None:
        """Sign and write a role as it is."""
        self.data[role] = self.sealed(self.signed[role], self.signers[role])
        self.metadata.mkdir(parents=True, exist_ok=True)
        self.path(role).write_bytes(self.data[role])

    def rewrite(self, role: str, number: int | None = None) -> None:
        """Sign a changed role again, and all that name it, without new versions. ``number``: its
        version where what it says is none."""
        version = number or self.signed[role]["version"]
        path = self.metadata / f"{version}.{role}.json"
        self.data[role] = self.sealed(self.signed[role], self.signers[role])
        (self.path(role) if role == "timestamp" else path).write_bytes(self.data[role])
        if role == "timestamp":
            return
        if role != "snapshot":
            self.name(role, version)
            self.write("snapshot")
        self.name("snapshot", version if role == "snapshot" else None)
        self.write("timestamp")

    @staticmethod
    def sealed(signed: dict[str, Any], signers: Sequence[Signer]) -> bytes:
        """Signed JSON of what need not be metadata."""
        text = encode_canonical(signed)
        assert text is not None
        signatures = [signer.sign(text.encode()).to_dict() for signer in signers]
        return json.dumps({"signatures": signatures, "signed": signed}).encode()

    def keys_of(self, role: str, signers: Sequence[Signer], threshold: int = 1) -> None:
        """Let other keys sign a role from now on; root or targets are to be committed then."""
        self.signers[role] = list(signers)
        keys = {s.public_key.keyid: s.public_key.to_dict() for s in signers}
        entry = {"keyids": list(keys), "threshold": threshold}
        if role in TOP:
            self.signed["root"]["keys"] |= keys
            self.signed["root"]["roles"][role] = entry
            return
        delegations = self.signed["targets"]["delegations"]
        delegations["keys"] |= keys
        next(one for one in delegations["roles"] if one["name"] == role).update(entry)

    def _begin(self) -> None:
        keys = {role: signers[0].public_key for role, signers in self.signers.items()}
        year = datetime.now(UTC) + timedelta(days=365)
        root = Root(
            1,
            expires=year,
            keys={keys[role].keyid: keys[role] for role in TOP},
            roles={role: Role([keys[role].keyid], 1) for role in TOP},
        )
        delegated = {
            model: DelegatedRole(model, [keys[model].keyid], 1, True, [f"{model}/*"])
            for model in MODELS
        }
        by_id = {keys[model].keyid: keys[model] for model in MODELS}
        targets = Targets(1, expires=year, delegations=Delegations(by_id, delegated))
        parts: dict[str, Any] = {
            "root": root,
            "targets": targets,
            "snapshot": Snapshot(1, expires=year, meta={"targets.json": MetaFile(1)}),
            "timestamp": Timestamp(1, expires=datetime.now(UTC) + timedelta(days=3)),
            **{model: Targets(1, expires=year) for model in MODELS},
        }
        self.signed = {role: Metadata(part).to_dict()["signed"] for role, part in parts.items()}
        self.next("root")
        self.commit("targets")
