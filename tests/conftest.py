"""Roots that tests run on: a directory, and a bucket of an S3 server on loopback."""

from __future__ import annotations

import functools
import http.server
import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from smartwatts_ml.modelfiles.tensorflow import settle_environment
from tests.ministack import Ministack, why_missing
from tests.warm import AIRFLOW, SMARTWATTS, WarmPython

collect_ignore = ["ministack_server.py"]  # runs in an environment of its own
settle_environment()
# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis_settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("busy")
os.environ["COLUMNS"] = "160"  # of tables that tests read, with a terminal or without

WsgiApp = Callable[[dict[str, Any], Any], Any]

LONGEST_FIRST = (
    "airflow/test_end_to_end.py",
    "airflow/test_restarts.py",
    "gate/test_trainings.py",
    "test_readme.py",
    "kinds/test_contract.py",
    "stages/test_pipeline.py",
    "kinds/forecasting/test_network.py",
    "kinds/nilm/test_nilm.py",
    "kinds/anomaly/test_commands.py",
    "airflow/test_outcomes.py",
    "stages/test_gate_stages.py",
    "modelfiles/test_conversion.py",
    "kinds/test_outside.py",
    "compose/test_image.py",
    "kinds/forecasting/test_exogenous.py",
    "readings/ingest/test_killed.py",
)
"""A worker takes whole files: with the long ones at the end, one would wait for the other."""
_FULL_SECONDS = 2400
"""A heavy matrix may take so long, where a machine is slow and busy and nothing hangs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    for item in items:
        if item.get_closest_marker("full") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_FULL_SECONDS))


class S3Server:
    """moto's S3 on a free port of 127.0.0.1, one request at a time.

    Real servers decide a conditional write atomically; moto looks and then writes, so two
    requests at once could both win. ``middleware`` wraps the application.
    """

    def __init__(self, middleware: Callable[[WsgiApp], WsgiApp] | None = None) -> None:
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        moto = DomainDispatcherApplication(create_backend_app)
        lock = threading.Lock()

        def one_at_a_time(environ: dict[str, Any], start_response: Any) -> Any:
            with lock:
                return list(moto(environ, start_response))

        app = middleware(one_at_a_time) if middleware else one_at_a_time
        self._server = make_server(
            "127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def new_bucket(self) -> str:
        """Name of a fresh, empty bucket."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self._client.create_bucket(Bucket=name)
        return name

    @cached_property
    def _client(self) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="session")
def warm_airflow() -> Iterator[WarmPython]:
    """Airflow, loaded once for all tests that ask it something in a process of its own."""
    process = WarmPython(*AIRFLOW)
    yield process
    process.stop()


@pytest.fixture(scope="session")
def warm_smartwatts() -> Iterator[WarmPython]:
    """The command line, loaded once for all tests that start it as a process."""
    process = WarmPython(*SMARTWATTS)
    yield process
    process.stop()


@pytest.fixture(scope="session")
def ministack() -> Iterator[Ministack]:
    """One S3 server with users for the whole session."""
    missing = why_missing()
    if missing:
        pytest.skip(missing)
    server = Ministack()
    yield server
    server.stop()


@pytest.fixture
def use_s3(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Point boto3's chain at a server: ``use_s3(server)``; nothing of the machine's own."""

    def use(server: S3Server) -> None:
        nowhere = str(tmp_path_factory.getbasetemp() / "no-aws-file")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", nowhere)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
            monkeypatch.delenv(name, raising=False)

    return use


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One S3 server for the whole session."""
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def start_s3_server() -> Iterator[Callable[..., S3Server]]:
    """Start further servers, ``start_s3_server(middleware)``; stopped after the test."""
    started: list[S3Server] = []

    def start(middleware: Callable[[WsgiApp], WsgiApp] | None = None) -> S3Server:
        started.append(S3Server(middleware))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def s3_root(s3_server: S3Server, use_s3: Any) -> str:
    """``s3://bucket/prefix`` of a fresh bucket, with the environment that reaches it."""
    use_s3(s3_server)
    return f"s3://{s3_server.new_bucket()}/prefix"


@pytest.fixture(params=["directory", pytest.param("s3", marks=pytest.mark.slow)])
def root_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A fresh root: once a directory, once an S3 bucket."""
    if request.param == "s3":
        url: str = request.getfixturevalue("s3_root")
        return url
    return str(tmp_path_factory.mktemp("root") / "smartwatts")


@pytest.fixture
def web_server() -> Iterator[Callable[[str | Path], str]]:
    """Serve a folder over http: ``web_server(folder)`` is its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    started: list[tuple[http.server.ThreadingHTTPServer, threading.Thread]] = []

    def serve(folder: str | Path) -> str:
        handler = functools.partial(Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        started.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()
