"""What the compose stack's one-shot ``init`` does. Every step can be repeated."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import boto3

from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import open_root
from smartwatts_ml.store import Store

_POOL = "smartwatts_training"


def _main() -> int:
    """Database, pool, first user, bucket, keys."""
    steps = {
        "database": ["db", "migrate"],
        "training pool": ["pools", "set", _POOL, os.environ["TRAINING_SLOTS"], "Trainings at once"],
        "first user": ["users", "create", *_first_user()],
    }
    for name, arguments in steps.items():
        _say(name)
        subprocess.run(["airflow", *arguments], check=True)
    _say("bucket")
    _make_bucket(os.environ["SMARTWATTS_ROOT"])
    _say("keys")
    _make_keys(os.environ["SMARTWATTS_ROOT"], Path(os.environ["SMARTWATTS_KEYS"]))
    return 0


def _first_user() -> list[str]:
    """Options of ``airflow users create``, which leaves a user alone who is there."""
    user = os.environ["AIRFLOW_ADMIN_USER"]
    named = ["--username", user, "--firstname", user, "--lastname", "SmartWatts"]
    mail = ["--email", f"{user}@smartwatts.invalid"]
    return [*named, *mail, "--role", "Admin", "--password", os.environ["AIRFLOW_ADMIN_PASSWORD"]]


def _make_bucket(root: str) -> None:
    """Create the root's bucket if it is not there, and open the root, which tries out
    whether the server keeps its word on conditional writes."""
    s3 = boto3.client("s3")
    bucket = root.removeprefix("s3://").split("/")[0]
    if bucket not in {there["Name"] for there in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)
    open_root(root)


def _make_keys(root: str, folder: Path) -> None:
    """Hold the ceremony, once, with one key for root: fit for trying the stack out. For more,
    run `smartwatts keys init` with a threshold before the stack is started first."""
    store = Store(open_root(root), folder)
    if store.keys.is_empty():
        store.ceremonies.init(model_names())
        _say(f"one key for root, in {store.keys.offline_path}: take it away, keep a copy")
    else:
        store.ceremonies.complete()
    # What those trust that hold no key; a later root they find by themselves.
    (folder.parent / "trust" / "root.json").write_bytes(store.keys.root_path.read_bytes())


def _say(text: str) -> None:
    sys.stdout.write(f"init: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(_main())
