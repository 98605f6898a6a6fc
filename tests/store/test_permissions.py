"""The policies of docs/store.md, tried on a server that enforces users."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from scripts.s3_users import ROLES, policy
from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import StoreError
from smartwatts_ml.gate import Facts, not_judged
from smartwatts_ml.jsontext import plain
from smartwatts_ml.judging.record import Artefact, Record, rules_of
from smartwatts_ml.judging.refitted import drop_judged_files
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.claims import drop_claim, standing_claim, take_claim
from smartwatts_ml.runs.copies import run_copy
from smartwatts_ml.settings import settings
from smartwatts_ml.stages import tasks
from smartwatts_ml.stages.publish import publish as publish_stage
from smartwatts_ml.store import Store
from tests.ministack import Ministack
from tests.store.helpers import content, keys_of, publish, with_keys
from tests.store.test_publish_stage import judged, run_of

REPOSITORY = Path(__file__).parents[2]
PREFIX = "homes/smartwatts"
DENIED = r"no permission|AccessDenied"
CREATED_ONCE = (
    "nilm/nilm_v3.tflite",
    "nilm/nilm_v3.json",
    "nilm/nilm_v3.intoto.jsonl",
    "metadata/1.root.json",
    "metadata/1.targets.json",
    "metadata/3.nilm.json",
    "metadata/2.snapshot.json",
)
TIMESTAMP = "models/metadata/timestamp.json"
pytestmark = pytest.mark.slow
AsUser = Callable[..., Objects]


@pytest.fixture
def bucket(ministack: Ministack) -> str:
    return ministack.new_bucket()


@pytest.fixture
def as_user(ministack: Ministack, bucket: str, monkeypatch: pytest.MonkeyPatch) -> AsUser:
    """Open the root in a role, or as the bucket's owner."""

    def open_as(role: str, *, writable: bool = True) -> Objects:
        environment = ministack.environment()
        if role != "owner":
            environment = ministack.new_user(policy(role, bucket, PREFIX))
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        return open_root(f"s3://{bucket}/{PREFIX}", writable=writable)

    return open_as


@pytest.fixture
def signer(as_user: AsUser) -> Objects:
    return as_user("signer")


@pytest.fixture
def filled(as_user: AsUser, signer: Objects, tmp_path: Path) -> Store:
    """The ceremony and three versions, by the signer; a run, by a trainer."""
    store = with_keys(Store(signer, keys_of(tmp_path)))
    for run_id in ("run1", "run2", "run3"):
        publish(store, "nilm", run_id)
    trainer = as_user("trainer")
    trainer.write("runs/run3/nilm/nilm.tflite", content("run3"))
    trainer.write("runs/run3/nilm/decision.json", b"{}")
    return store


@pytest.fixture
def trust(filled: Store, tmp_path: Path) -> Path:
    """The folder of a machine that trusts the root and has no key."""
    folder = tmp_path / "trust"
    folder.mkdir()
    shutil.copy(filled.keys.root_path, folder)
    return folder


def check_denied(*attempts: Callable[[], object]) -> None:
    for attempt in attempts:
        with pytest.raises(StoreError, match=DENIED):
            attempt()


def every_write(objects: Objects, key: str, etag: str, local: Path) -> list[Callable[[], object]]:
    """Each way to change an object that there is."""
    local.write_bytes(b"forged")
    return [
        partial(objects.write, key, b"forged"),
        partial(objects.replace, key, b"forged", etag),
        partial(objects.upload, key, local),
        partial(objects.delete, key),
    ]


def test_every_role_has_a_policy_that_allows_nothing_outside_of_the_root() -> None:
    for role in ROLES:
        for statement in policy(role, "b", "p")["Statement"]:
            assert statement["Effect"] == "Allow"
            resources = statement["Resource"]
            for resource in resources if isinstance(resources, list) else [resources]:
                listing = statement["Action"] == "s3:ListBucket"
                assert listing or resource.startswith("arn:aws:s3:::b/p/")


def test_a_signer_publishes_rolls_back_and_renews(filled: Store) -> None:
    assert filled.rollback("nilm", 1, "bob", "why").serial == 4
    renewed = filled.renew()
    assert renewed is not None and not renewed.problems
    assert publish(filled, "nilm", "run4").version == 4
    assert filled.verify("nilm").findings == filled.verify_repository().findings == ()


def test_a_signer_replaces_keys(filled: Store) -> None:
    offline = [filled.keys.offline_path]
    for role in ("snapshot", "timestamp", "models"):
        filled.rotation.rotate(role, offline)
    assert filled.ceremonies.add_models(["water"], offline) == ("water",)
    assert publish(filled, "nilm", "run4").version == 4
    assert filled.verify_repository().findings == ()


def test_a_signer_records_what_it_published(
    as_user: AsUser, bucket: str, filled: Store, tmp_path: Path
) -> None:
    judged(as_user("trainer"), "run4", 3)
    objects = as_user("signer")
    current = settings(root=objects.url, keys=str(keys_of(tmp_path)))
    run = run_of(objects, current, "run4")
    assert publish_stage(run, lambda text, share: None, actor="ann").version == 4
    assert b"published" in objects.read("runs/run4/nilm/published.json").data


def test_a_signer_forces_what_was_made_and_opens_no_model_to_make_it(
    as_user: AsUser, filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = as_user("trainer")
    judged_network = Artefact("challenger.keras", "a0")
    record = Record(
        "run4", "0.1.0", {}, {}, rules_of(settings()), Facts("s1"), judged_network, None, "b0"
    )
    rejected = {**plain(not_judged("nilm", "MAE +2 %", 3)), "record": plain(record)}
    judged(trainer, "run4", **rejected, sha256=None)
    judged(trainer, "run5", **rejected)
    objects = as_user("signer")
    monkeypatch.setenv("SMARTWATTS_ROOT", objects.url)
    monkeypatch.setenv("SMARTWATTS_KEYS", str(keys_of(tmp_path)))
    current = settings(root=objects.url, keys=str(keys_of(tmp_path)))
    for run_id in ("run4", "run5"):
        left = run_of(objects, current, run_id).left or {}
        tasks.model_stage(objects.url, run_id, "nilm", "publish", left, actor="retrain_weekly")

    def forced(run_id: str) -> Result:
        words = ["publish", "nilm", "--run", run_id, "--force", "--reason", "new meters"]
        return CliRunner().invoke(app, words)

    refused = str(forced("run4").exception)
    assert "rejected before it was a .tflite file" in refused and "smartwatts retrain" in refused
    assert forced("run5").exit_code == 0
    entry = filled.history("nilm")[-1]
    assert (entry.action, entry.run_id, entry.version) == ("force", "run5", 4)
    assert "new meters (the gate said: " in entry.reason


def test_a_signer_can_neither_delete_nor_overwrite_what_is_created_once(
    filled: Store, signer: Objects, tmp_path: Path
) -> None:
    for name in CREATED_ONCE:
        key = f"models/{name}"
        found = signer.read(key)
        check_denied(*every_write(signer, key, found.etag, tmp_path / "forged"))
        assert signer.read(key).data == found.data


def test_a_signer_creates_by_the_one_condition_that_no_object_meets(
    filled: Store, ministack: Ministack, bucket: str
) -> None:
    """`If-None-Match: "zzz"` holds for any object, so that it would overwrite one."""
    import boto3
    from botocore.exceptions import ClientError

    user = ministack.new_user(policy("signer", bucket, PREFIX))
    client = boto3.client(
        "s3",
        endpoint_url=ministack.url,
        region_name="us-east-1",
        aws_access_key_id=user["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=user["AWS_SECRET_ACCESS_KEY"],
    )
    key = f"{PREFIX}/models/nilm/nilm_v3.tflite"
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=bucket, Key=key, Body=b"forged", IfNoneMatch='"zzz"')
    assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == content("run3")


def test_a_signer_replaces_the_timestamp_that_it_has_seen_and_no_other(
    filled: Store, signer: Objects
) -> None:
    seen = signer.read(TIMESTAMP)
    check_denied(partial(signer.write, TIMESTAMP, b"blind"), partial(signer.delete, TIMESTAMP))
    assert signer.replace(TIMESTAMP, seen.data + b" ", seen.etag) != seen.etag


def test_a_signer_puts_nothing_into_what_is_trained_on_or_judged_by(
    filled: Store, signer: Objects
) -> None:
    check_denied(
        partial(signer.write, "readings/x", b""),
        partial(signer.write, "landing/x.csv", b""),
        partial(signer.write, "runs/run3/nilm/decision.json", b""),
        partial(signer.write, "runs/run3/nilm/nilm.tflite", b""),
        partial(signer.delete, "runs/run3/nilm/published.json"),
        partial(signer.read, "readings/x"),
    )


def test_a_signer_cannot_prune(filled: Store) -> None:
    check_denied(partial(filled.prune, "nilm", keep=1, older_than=timedelta(0)))
    assert filled.verify("nilm").findings == ()


def test_a_trainer_ingests_and_writes_runs_and_state(as_user: AsUser) -> None:
    as_user("owner").create(
        "landing/home.csv", b"timestamp,value\n2026-05-01T00:00:00Z,400\n2026-05-01T00:01:00Z,410\n"
    )
    objects = as_user("trainer")
    assert tasks.ingest_stage(objects.url)["accepted"] == 2
    objects.write("runs/run9/nilm/decision.json", b"{}")
    state = tasks.record_failure(objects.url, "run9", "nilm", "boom")
    assert state["failures"] == 1


def test_a_trainer_writes_nothing_of_the_store(
    filled: Store, as_user: AsUser, tmp_path: Path
) -> None:
    objects = as_user("trainer")
    for key in (*(f"models/{name}" for name in CREATED_ONCE), TIMESTAMP):
        found = objects.read(key)
        check_denied(*every_write(objects, key, found.etag, tmp_path / "forged"))
        assert objects.read(key).data == found.data
    check_denied(
        partial(objects.create, "models/nilm/nilm_v4.tflite", b"new"),
        partial(objects.create, "models/metadata/4.nilm.json", b"{}"),
    )


def test_a_trainer_reads_the_champion_without_a_key(
    trust: Path, as_user: AsUser, filled: Store
) -> None:
    store = Store(as_user("trainer"), trust)
    champion = store.champion("nilm")
    assert champion is not None and champion.version == 3
    assert store.read_file(champion.manifest) == content("run3")
    with pytest.raises(StoreError, match="no key here to sign"):
        publish(store, "nilm", "run4")
    assert [path.name for path in trust.iterdir()] == ["root.json"]


def test_a_reader_looks_at_models_and_waits_for_readings(
    trust: Path, as_user: AsUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_KEYS", str(trust))
    objects = as_user("reader", writable=False)
    assert Store(objects, trust).pointer("nilm").version == 3
    assert tasks.new_readings(objects.url)["rows"] == 0
    assert objects.read("runs/run3/nilm/decision.json").data == b"{}"
    check_denied(
        *(partial(objects.write, f"{place}/x", b"") for place in ("models", "runs", "state")),
        partial(objects.create, "landing/x.csv", b""),
        partial(objects.delete, TIMESTAMP),
    )


def test_an_operator_prunes_repairs_and_recovers(
    filled: Store, as_user: AsUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = as_user("owner")
    owner.write("models/nilm/nilm_v3.tflite", b"damaged")
    owner.write(f"state/judged/nilm/{'0' * 64}.tflite", b"what version 1 was judged as")
    monkeypatch.setattr("smartwatts_ml.judging.refitted._UNFINISHED_FOR", timedelta(0))
    objects = as_user("operator")
    store = Store(objects, keys_of(tmp_path))
    audit = store.verify("nilm", repair=True, run_file=partial(run_copy, objects))
    assert (audit.repaired, audit.findings) == (True, ())
    assert store.prune("nilm", keep=1, older_than=timedelta(0)).versions == (1, 2)
    assert drop_judged_files(objects, store, "nilm") == 1
    take_claim(owner, "nilm", "gone", heed=True)
    drop_claim(objects, "nilm", "gone")
    assert standing_claim(objects, "nilm") is None
    assert store.rotation.recover([store.keys.offline_path]).models == ("nilm",)
    assert store.verify("nilm").findings == store.verify_repository().findings == ()
    check_denied(
        partial(objects.write, "runs/run3/nilm/decision.json", b""),
        partial(objects.write, "readings/x", b""),
        partial(objects.read, "state/nilm.json"),
    )


def test_a_gateway_pulls(trust: Path, as_user: AsUser, tmp_path: Path) -> None:
    store = Store(as_user("gateway", writable=False), trust)
    assert store.pull("nilm", tmp_path / "out").version == 3


def test_a_gateway_can_neither_write_nor_list_nor_read_anything_else(
    filled: Store, as_user: AsUser, tmp_path: Path
) -> None:
    objects = as_user("gateway", writable=False)
    etag = objects.read(TIMESTAMP).etag
    check_denied(
        *every_write(objects, TIMESTAMP, etag, tmp_path / "forged"),
        partial(objects.create, "models/nilm/nilm_v9.tflite", b"x"),
        partial(objects.read, "runs/run3/nilm/decision.json"),
        partial(objects.read, "state/nilm.json"),
        lambda: list(objects.list("runs/")),
        lambda: list(objects.list("")),
        lambda: list(objects.list("models/")),
        lambda: list(objects.folders("models/")),
    )


@pytest.mark.skipif(shutil.which("java") is None, reason="no JDK on this machine")
def test_the_java_puller_signs_its_requests_as_a_gateway(
    trust: Path, ministack: Ministack, bucket: str, tmp_path: Path
) -> None:
    source = REPOSITORY / "gateway" / "SmartWattsPull.java"
    command: list[Any] = ["java", source, "--root", f"s3://{bucket}/{PREFIX}"]
    command += ["--trusted-root", trust / "root.json"]
    user = ministack.new_user(policy("gateway", bucket, PREFIX))
    path = {"PATH": "/usr/bin:/bin:/usr/local/bin"}
    for environment, code in ((user, 0), (user | {"AWS_SECRET_ACCESS_KEY": "wrong"}, 4), ({}, 4)):
        out = tmp_path / f"out{len(environment)}{code}"
        endpoint = {"AWS_ENDPOINT_URL_S3": ministack.url}
        run = subprocess.run(
            [*command, "--to", out, "nilm"],
            env=path | endpoint | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert run.returncode == code, run.stderr
        if not code:
            assert (out / "nilm.tflite").read_bytes() == content("run3")
