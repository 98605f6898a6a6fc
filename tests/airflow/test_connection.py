"""A root on S3 that is reached with an Airflow connection: by tasks, the trigger and the page."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from typing import Any
from urllib.parse import urlencode

import pytest
from airflow.sdk import Connection
from smartwatts_airflow import trigger as trigger_module
from smartwatts_airflow.connection import access_of
from smartwatts_airflow.context import root
from smartwatts_airflow.trigger import NewReadingsTrigger

from smartwatts_ml.errors import StoreError, UsageError
from smartwatts_ml.objects import open_root
from smartwatts_ml.objects.access import use_access
from smartwatts_ml.stages import tasks
from tests.conftest import S3Server
from tests.ministack import Ministack

LANDED = b"timestamp,consumption,device_id\n2026-05-01T00:00:00,412.5,home7/mains\n"
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
SECRET = "wJalrXUtnFEMI/K7MDENG"


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SMARTWATTS_S3_CONNECTION", "meters")
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    yield
    use_access(None)


@pytest.fixture
def connected(ministack: Ministack, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A bucket that only a connection's user reaches; his fields."""
    user = ministack.new_user(EVERYTHING)
    fields = {"login": user["AWS_ACCESS_KEY_ID"], "password": user["AWS_SECRET_ACCESS_KEY"]}
    extra = {"endpoint_url": ministack.url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", **fields, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_METERS", json.dumps(connection))
    monkeypatch.setenv("SMARTWATTS_ROOT", f"s3://{ministack.new_bucket()}/prefix")
    return fields


@pytest.mark.slow
def test_tasks_and_the_trigger_reach_the_root_with_the_connection_alone(
    connected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = os.environ["SMARTWATTS_ROOT"]
    with pytest.raises(StoreError, match="no credentials"):
        open_root(where)
    assert root() == where
    open_root(where).write("landing/a.csv", LANDED)
    use_access(None)  # as in another process
    assert tasks.landing_batches(root()) == [["landing/a.csv"]]
    assert tasks.ingest_stage(root())["accepted"] == 1, "delta-rs has a client of its own"

    use_access(None)
    monkeypatch.setenv("SMARTWATTS_NEW_READINGS", "1")
    monkeypatch.setattr(trigger_module, "_active_runs", lambda dag_id: 0)
    trigger = NewReadingsTrigger(where, "retrain_on_new_readings", poke_seconds=0.01)

    async def fired() -> Any:
        return await anext(trigger.run())

    assert asyncio.run(fired()).payload["models"]
    assert connected["password"] not in str(trigger.serialize())


@pytest.mark.slow
def test_the_models_page_reaches_the_root_with_the_connection_alone(
    connected: dict[str, str],
) -> None:
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.utils import db
    from starlette.testclient import TestClient

    db.initdb()
    user = SimpleAuthManagerUser(username="ann", role="ADMIN")
    token = get_auth_manager().generate_jwt(user)
    with TestClient(create_app("core"), cookies={"_token": token}) as client:
        shown = client.get("/smartwatts/")
        assert shown.status_code == 200, shown.text
        os.environ["AIRFLOW_CONN_METERS"] = json.dumps({"conn_type": "http"})
        refused = client.get("/smartwatts/")
    assert refused.status_code == 503
    assert "connection meters is of type http" in refused.text.replace("&#39;", "'")


@pytest.mark.slow
def test_a_connection_s_role_is_assumed_and_its_keys_serve_for_nothing_else(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"endpoint_url": s3_server.url}
    extra = {
        "service_config": {"s3": own, "sts": own},
        "role_arn": "arn:aws:iam::123456789012:role/smartwatts",
        "assume_role_kwargs": {"ExternalId": "meters"},
    }
    monkeypatch.setenv(
        "AIRFLOW_CONN_METERS",
        json.dumps({"conn_type": "aws", "login": "AKIA1", "password": SECRET, "extra": extra}),
    )
    monkeypatch.setenv("SMARTWATTS_ROOT", f"s3://{s3_server.new_bucket()}/prefix")
    objects = open_root(root())
    objects.write("a", b"1")
    used = objects.storage_options()
    assert used["AWS_ACCESS_KEY_ID"].startswith("ASIA") and used["AWS_SESSION_TOKEN"]
    assert open_root(root()).storage_options() == used, "asked for once, until it expires"


def test_a_connection_in_the_form_of_an_address_is_the_same() -> None:
    extra = {"endpoint_url": "http://127.0.0.1:9000", "region_name": "eu-central-1"}
    fields = Connection.from_uri(f"aws://AKIA1:a%2Fb@/?{urlencode(extra)}", conn_id="m")
    access = access_of(fields)
    assert (access.key, access.secret, access.region) == ("AKIA1", "a/b", "eu-central-1")
    assert access.endpoint == "http://127.0.0.1:9000"


def test_a_connection_without_keys_leaves_them_to_boto3() -> None:
    access = access_of(Connection(conn_id="m", conn_type="aws", extra='{"role_arn": "arn:r"}'))
    assert (access.key, access.role) == ("", "arn:r")


@pytest.mark.parametrize(
    "fields, why",
    [
        ({"conn_type": "http"}, "is of type http (make it one of aws)"),
        ({"login": "AKIA1"}, "has no password, the secret key"),
        ({"password": SECRET}, "has no login, the access key"),
        ({"host": f"{SECRET}.example.org"}, "give the server as endpoint_url in its extra"),
        ({"extra": f"{{{SECRET}"}, "has an extra that is no JSON object"),
        ({"extra": f'["{SECRET}"]'}, "has an extra that is no JSON object"),
        ({"extra": {"endpoint": SECRET}}, "has 'endpoint' in its extra, which is not read"),
        ({"extra": {"region_name": [SECRET]}}, "has a region_name that is no text"),
        ({"extra": {"aws_session_token": SECRET}}, "has a session token and no key"),
        ({"extra": {"verify": False}}, "has another verify than True"),
        ({"extra": {"service_config": SECRET}}, "has a service_config that is no object"),
        ({"extra": {"external_id": SECRET}}, "has an external ID and no role"),
        (
            {"extra": {"role_arn": "arn:r", "assume_role_kwargs": {"Policy": SECRET}}},
            "has Policy in assume_role_kwargs",
        ),
        (
            {"extra": {"role_arn": "arn:r", "assume_role_method": "assume_role_with_saml"}},
            "has another assume_role_method than assume_role",
        ),
    ],
)
def test_what_cannot_be_done_with_a_connection_is_refused_without_its_values(
    fields: dict[str, Any],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("AIRFLOW_CONN_METERS", json.dumps({"conn_type": "aws"} | fields))
    monkeypatch.setenv("SMARTWATTS_ROOT", "s3://bucket/prefix")
    with pytest.raises(UsageError) as caught:
        root()
    told = str(caught.value)
    assert why in told and told.startswith("SMARTWATTS_S3_CONNECTION: connection meters ")
    assert SECRET not in told + repr(caught.value) + caplog.text


def test_a_connection_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTWATTS_ROOT", "s3://bucket/prefix")
    with pytest.raises(UsageError, match=r"SMARTWATTS_S3_CONNECTION names meters.* type aws"):
        root()


def test_a_root_that_is_a_folder_needs_no_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("SMARTWATTS_ROOT", str(tmp_path))
    assert root() == str(tmp_path)


def test_a_token_of_the_environment_does_not_go_with_a_connections_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection = {"conn_type": "aws", "login": "AKIA1", "password": SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_METERS", json.dumps(connection))
    monkeypatch.setenv("SMARTWATTS_ROOT", "s3://bucket/prefix")
    objects = open_root(root(), writable=False)
    assert "AWS_SESSION_TOKEN" not in objects.storage_options()
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of somebody else")
    with pytest.raises(UsageError, match="AWS_SESSION_TOKEN"):
        objects.storage_options()


@pytest.mark.slow
def test_credentials_that_the_server_refuses_are_looked_for_in_the_connection(
    ministack: Ministack, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"endpoint_url": ministack.url}
    connection = {"conn_type": "aws", "login": "AKIANOBODY", "password": SECRET, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_METERS", json.dumps(connection))
    monkeypatch.setenv("SMARTWATTS_ROOT", f"s3://{ministack.new_bucket()}/prefix")
    with pytest.raises(StoreError, match=r"check Airflow's connection meters \(SMARTWATTS_") as e:
        open_root(root())
    assert SECRET not in str(e.value)
