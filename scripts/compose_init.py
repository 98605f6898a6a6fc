"""What the compose stack's one-shot ``init`` does. Every step can be repeated."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import boto3

from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import open_root
from smartwatts_ml.store import KeyFolder, Store

__all__ = ["make_keys"]

_POOL = "smartwatts_training"
_ROLE = "Admin"
"""Of the first user, who runs the stack and has its secrets; others are granted what they need."""


def _main() -> int:
    """Database, pool, first user and what that one may see, bucket, keys."""
    steps = {
        "database": ["db", "migrate"],
        "training pool": ["pools", "set", _POOL, os.environ["TRAINING_SLOTS"], "Trainings at once"],
        "first user": ["users", "create", *_first_user()],
    }
    for name, arguments in steps.items():
        _say(name)
        subprocess.run(["airflow", *arguments], check=True)
    _say("curves of homes")
    subprocess.run([sys.executable, "-m", "scripts.household_curves", _ROLE], check=True)
    _say("bucket")
    _make_bucket(os.environ["SMARTWATTS_ROOT"])
    _say("keys")
    folders = (os.environ["SMARTWATTS_KEYS"], os.environ["TRUST"], os.environ["OFFLINE"])
    make_keys(os.environ["SMARTWATTS_ROOT"], *map(Path, folders))
    return 0


def _first_user() -> list[str]:
    """Options of ``airflow users create``, which leaves a user alone who is there."""
    user = os.environ["AIRFLOW_ADMIN_USER"]
    named = ["--username", user, "--firstname", user, "--lastname", "SmartWatts"]
    mail = ["--email", f"{user}@smartwatts.invalid"]
    return [*named, *mail, "--role", _ROLE, "--password", os.environ["AIRFLOW_ADMIN_PASSWORD"]]


def _make_bucket(root: str) -> None:
    """Create the root's bucket if it is not there, and open the root, which tries out
    whether the server keeps its word on conditional writes."""
    s3 = boto3.client("s3")
    bucket = root.removeprefix("s3://").split("/")[0]
    if bucket not in {there["Name"] for there in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)
    open_root(root)


def make_keys(root: str, keys: Path, trust: Path, offline: Path) -> None:
    """Hold the ceremony, once: the private keys of root into ``offline``, which no service that
    stays mounts, the others into ``keys``, which the signing worker alone does. What everybody
    else trusts goes into ``trust``."""
    store = Store(open_root(root), keys)
    if store.keys.is_empty():
        made = store.ceremonies.init(
            model_names(),
            threshold=int(os.environ["ROOT_THRESHOLD"]),
            count=int(os.environ["ROOT_HOLDERS"]),
            offline=offline,
        )
        _say(f"root: {made.threshold} of {len(made.keyids)} keys, in {offline}: take each of them")
        _say("to a place of its own, and away from here (docs/operations.md, “Keys: a drill”)")
    else:
        store.ceremonies.complete()
    KeyFolder(trust).trust(store.keys.root_path.read_bytes(), str(store.keys.root_path))


def _say(text: str) -> None:
    sys.stdout.write(f"init: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(_main())
