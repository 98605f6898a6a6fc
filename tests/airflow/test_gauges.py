"""A root's condition arrives at what watches Airflow: real servers on loopback."""

from __future__ import annotations

import atexit
import importlib.util
import json
import re
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

import pytest
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics.stats_utils import get_stats_factory
from smartwatts_airflow.gauges import RUN_GAUGES, TROUBLE_GAUGES, emit_all, emit_waiting
from smartwatts_airflow.renewal import look

from smartwatts_ml.objects import open_root
from smartwatts_ml.stages.gauges import MODEL_GAUGES, ROOT_GAUGES
from smartwatts_ml.stages.tasks import new_readings
from smartwatts_ml.store import Store
from tests.airflow.versions import fields
from tests.store.helpers import content

OTEL_LOGGER = "airflow.sdk._shared.observability.metrics.otel_logger"
DOCS = Path(__file__).parents[2] / "docs"
INGESTED = [
    {"accepted": 900, "rejected": 3, "left": 0},
    None,
    {"accepted": 100, "rejected": 4, "left": 1},
]


class UdpClient:
    """What Airflow wants of the package statsd, which is not part of it."""

    def __init__(self, host: str, port: int, prefix: str, ipv6: bool) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._to, self._prefix = (host, port), prefix

    def gauge(self, stat: str, value: float, rate: float = 1, delta: bool = False) -> None:
        assert (rate, delta) == (1, False)
        self._socket.sendto(f"{self._prefix}.{stat}:{value}|g".encode(), self._to)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """With one version of nilm, published."""
    where = str(tmp_path / "root")
    monkeypatch.setenv("SMARTWATTS_ROOT", where)
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    store = Store(open_root(where), tmp_path / "keys")
    store.publish("nilm", content("run1"), fields(30.0), run_id="run1", actor="a", reason="better")
    return where


@pytest.fixture
def turn_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Airflow's metrics, set up as its task runner does."""

    def made(**options: Any) -> None:
        for name, value in options.items():
            monkeypatch.setenv(f"AIRFLOW__METRICS__{name.upper()}", str(value))
        stats.initialize(factory=get_stats_factory(), export_legacy_names=True)

    yield made
    monkeypatch.undo()
    stats.initialize(factory=get_stats_factory(), export_legacy_names=True)


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    """Where StatsD's datagrams go; they wait in its buffer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(0.2)
        yield opened


@pytest.fixture
def statsd(receiver: socket.socket, turn_on: Any, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    if importlib.util.find_spec("statsd") is None:
        package = ModuleType("statsd")
        package.StatsClient = UdpClient  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "statsd", package)
    turn_on(statsd_on=True, statsd_host="127.0.0.1", statsd_port=receiver.getsockname()[1])
    return receiver


def received(receiver: socket.socket) -> dict[str, float]:
    """Gauges that have arrived, by name."""
    found: dict[str, float] = {}
    while True:
        try:
            text = receiver.recv(4096).decode()
        except TimeoutError:
            return found
        for line in text.splitlines():
            name, _, value = line.removesuffix("|g").partition(":")
            found[name] = float(value)


def test_statsd_gets_gauges_of_a_published_root_with_the_model_in_their_names(
    root: str, statsd: socket.socket
) -> None:
    emit_all(root, ingested=INGESTED)
    found = received(statsd)
    assert found["airflow.smartwatts.champion_version.nilm"] == 1
    assert found["airflow.smartwatts.gain_over_baseline.nilm"] == 0.25
    assert 71 * 3600 < found["airflow.smartwatts.timestamp_seconds_left"] <= 72 * 3600
    assert found["airflow.smartwatts.rejected_lines"] == 7
    assert "airflow.smartwatts.champion_version.anomaly" not in found


def test_statsd_with_tags_gets_the_model_as_one(
    root: str, statsd: socket.socket, turn_on: Any
) -> None:
    turn_on(statsd_influxdb_enabled=True)
    emit_all(root)
    assert received(statsd)["airflow.smartwatts.champion_version,model=nilm"] == 1


def test_the_task_that_looks_for_trouble_tells_what_it_measured(
    root: str, statsd: socket.socket
) -> None:
    (Path(root) / "models/nilm/nilm_v1.tflite").unlink()
    look.function()
    found = received(statsd)
    assert found["airflow.smartwatts.troubles_critical"] == 1
    assert found["airflow.smartwatts.champion_version.nilm"] == 1


def test_the_trigger_tells_how_many_readings_wait(
    root: str, statsd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.observability import stats as of_triggerer
    from airflow.observability.metrics.stats_utils import get_stats_factory as made_there

    of_triggerer.initialize(factory=made_there(), export_legacy_names=True)
    emit_waiting(new_readings(root))
    found = received(statsd)
    assert found["airflow.smartwatts.readings_waiting.nilm"] == 0
    assert found["airflow.smartwatts.readings_wanted.nilm"] > 0
    monkeypatch.undo()
    of_triggerer.initialize(factory=made_there(), export_legacy_names=True)


def test_nothing_is_measured_while_airflows_metrics_are_off(
    root: str, receiver: socket.socket, turn_on: Any
) -> None:
    turn_on(statsd_port=receiver.getsockname()[1])
    emit_all("s3://nobody/asks/this")
    assert received(receiver) == {}


def test_a_root_that_cannot_be_measured_is_logged_and_fails_nothing(
    tmp_path: Path, statsd: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    emit_all("gopher://nowhere", troubles=[{"severity": "warning"}])
    assert "the models are not measured" in caplog.text
    assert received(statsd)["airflow.smartwatts.troubles_warning"] == 1


def test_opentelemetry_gets_them_before_the_tasks_process_ends(root: str, turn_on: Any) -> None:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )

    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        turn_on(otel_on=True, otel_host="127.0.0.1", otel_port=server.server_port)
        emit_all(root)
        found = {
            (metric.name, *(a.value.string_value for a in point.attributes)): point.as_double
            for request in got
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.gauge.data_points
        }
        # Nothing is left for Airflow to flush when this process ends.
        resolve_name("opentelemetry.metrics:get_meter_provider")().shutdown()
        atexit.unregister(resolve_name(f"{OTEL_LOGGER}:flush_otel_metrics"))
        server.shutdown()
    assert found["airflow.smartwatts.champion_version", "nilm"] == 1.0
    assert found["airflow.smartwatts.timestamp_seconds_left",] > 0


def test_the_dashboard_shows_what_is_emitted_and_all_of_it() -> None:
    dashboard = json.loads((DOCS / "grafana.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [v["query"]["query"] for v in dashboard["templating"]["list"] if v["name"] == "model"]
    emitted = {*MODEL_GAUGES, *ROOT_GAUGES, *RUN_GAUGES.values(), *TROUBLE_GAUGES.values()}
    shown = set(re.findall(r"airflow_smartwatts_(\w+)", " ".join(asked)))
    assert shown <= emitted
    assert emitted - shown == {"troubles_info"}
    of_models = set(re.findall(r"airflow_smartwatts_(\w+)\{model=", " ".join(asked)))
    assert of_models == MODEL_GAUGES.keys()


def test_the_page_on_gauges_names_each_with_its_unit() -> None:
    page = (DOCS / "gauges.md").read_text()
    for name, what in {**MODEL_GAUGES, **ROOT_GAUGES}.items():
        assert f"| `{name}` | {what} |" in page
    assert all(f"`{name}`" in page for name in (*RUN_GAUGES.values(), *TROUBLE_GAUGES.values()))
