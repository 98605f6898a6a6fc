"""What the store publishes, in a gateway's hands: both pullers, the Java program and
``smartwatts models pull``, on a folder and on a bucket."""

from __future__ import annotations

import http.client
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from smartwatts_ml.objects import open_root
from smartwatts_ml.store import Store
from tests.ministack import Ministack
from tests.store.helpers import FIELDS, content, keys_of, publish, with_keys
from tests.store.pull_runners import (
    JVM,
    SOURCES,
    Ended,
    JavaPuller,
    Puller,
    arguments,
    python_puller,
)

REPOSITORY = Path(__file__).parents[2]
PULLERS = ("java", "python")
MOST_FILE_KIB = 16
"""Largest file that a process may write where the disk is to be full."""
MAY_READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
MAY_NOT_READ = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*"}
    ],
}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK on this machine"),
]


@pytest.fixture
def pullers(java: JavaPuller) -> dict[str, Puller]:
    return {"java": java, "python": python_puller}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two versions of nilm, one of anomaly; what a gateway trusts is in ``root.json``."""
    store = Store(open_root(str(tmp_path / "root")), keys_of(tmp_path))
    store.ceremonies.init(["nilm", "anomaly", "forecasting_24h"])
    for model, run_id in (("nilm", "run1"), ("nilm", "run2"), ("anomaly", "run1")):
        publish(store, model, run_id)
    shutil.copyfile(store.keys.root_path, tmp_path / "root.json")
    return store


def pull(pullers: dict[str, Puller], puller: str, top: Path, *models: str) -> Ended:
    words = arguments(top / "root", top / "root.json", top / "assets")
    return pullers[puller]([*words, *models], {})


@pytest.mark.parametrize("puller", PULLERS)
def test_what_is_in_force_is_pulled_once_and_again_after_a_rollback(
    store: Store, pullers: dict[str, Puller], puller: str, tmp_path: Path
) -> None:
    assets = tmp_path / "assets"
    done = pull(pullers, puller, tmp_path, "nilm")
    assert (done.code, done.err) == (0, "")
    assert "nilm v2 updated" in done.out
    assert (assets / "nilm.tflite").read_bytes() == content("run2")
    manifest = (tmp_path / "root/models/nilm/nilm_v2.json").read_bytes()
    assert (assets / "nilm_v2.json").read_bytes() == manifest
    before = {path: path.stat().st_mtime_ns for path in assets.rglob("*")}
    assert "nilm v2 up to date" in pull(pullers, puller, tmp_path, "nilm").out
    after = {path: path.stat().st_mtime_ns for path in assets.rglob("*")}
    state = assets / ".smartwatts"  # where scratch comes and goes
    assert {p: t for p, t in after.items() if p != state} == {
        p: t for p, t in before.items() if p != state
    }
    store.rollback("nilm", 1, "bob", "why")
    assert "nilm v1 updated" in pull(pullers, puller, tmp_path, "nilm").out
    assert (assets / "nilm.tflite").read_bytes() == content("run1")
    shipped = {path.name for path in assets.iterdir() if path.name != ".smartwatts"}
    assert shipped == {"nilm.tflite", "nilm_v1.tflite", "nilm_v1.json"}


@pytest.mark.parametrize("puller", PULLERS)
def test_all_that_is_published_is_pulled_where_nothing_is_named(
    store: Store, pullers: dict[str, Puller], puller: str, tmp_path: Path
) -> None:
    done = pull(pullers, puller, tmp_path)
    assert done.code == 0, done.err
    assert sorted(done.out.split()[0::4]) == ["anomaly", "nilm"]
    assert pull(pullers, puller, tmp_path, "forecasting_24h").code == 3


def test_either_puller_goes_on_where_the_other_stopped(
    store: Store, pullers: dict[str, Puller], tmp_path: Path
) -> None:
    for number, puller in enumerate(PULLERS * 3):
        publish(store, "nilm", f"next{number}")
        store.renew()
        done = pull(pullers, puller, tmp_path, "nilm")
        assert f"nilm v{number + 3} updated" in done.out, done
        other = PULLERS[1 - PULLERS.index(puller)]
        assert "up to date" in pull(pullers, other, tmp_path, "nilm").out


@pytest.mark.parametrize("puller", PULLERS)
def test_keys_change_and_the_trusted_root_stays(
    store: Store, pullers: dict[str, Puller], puller: str, tmp_path: Path
) -> None:
    assert pull(pullers, puller, tmp_path, "nilm").code == 0
    for role in ("snapshot", "timestamp", "models"):
        store.rotation.rotate(role, [store.keys.offline_path])
        publish(store, "nilm", f"after {role}")
        done = pull(pullers, puller, tmp_path, "nilm")
        assert "updated" in done.out, done
    shutil.rmtree(tmp_path / "assets")
    assert pull(pullers, puller, tmp_path, "nilm").code == 0


@pytest.mark.parametrize("puller", PULLERS)
def test_a_version_deleted_from_the_bucket_is_missed(
    store: Store, pullers: dict[str, Puller], puller: str, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "root/models/anomaly")
    done = pull(pullers, puller, tmp_path)
    assert done.code == 4
    assert "anomaly" in done.err
    assert "nilm v2 updated" in done.out


def test_an_older_version_is_pulled_by_its_number(store: Store, tmp_path: Path) -> None:
    store.rollback("nilm", 1, "bob", "why")
    words = arguments(tmp_path / "root", tmp_path / "root.json", tmp_path / "assets")
    done = python_puller([*words, "nilm", "--version", "2"], {})
    assert done.code == 0, done.err
    assert (tmp_path / "assets/nilm.tflite").read_bytes() == content("run2")
    assert python_puller([*words, "nilm", "--version", "3"], {}).code == 3


def test_the_source_runs_without_compiling(store: Store, tmp_path: Path) -> None:
    words = arguments((tmp_path / "root").as_uri(), tmp_path / "root.json", tmp_path / "out")
    command = ["java", str(SOURCES[0]), *words, "nilm"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "nilm v2 updated" in result.stdout, result.stderr


# Buckets


@dataclass
class Lab:
    """A store in a bucket, and a folder for each puller."""

    ministack: Ministack
    classes: Path
    folder: Path
    url: str
    store: Store
    environment: dict[str, str] = field(default_factory=dict)
    small_disk: bool = False

    def publish(self, run_id: str) -> None:
        data = content(run_id) * 128
        self.store.publish("nilm", data, FIELDS, run_id=run_id, actor="ann", reason="better")

    def pull(self, puller: str) -> subprocess.CompletedProcess[str]:
        command: list[Any] = [sys.executable, "-m", "smartwatts_ml", "models", "pull"]
        if puller == "java":
            command = [*JVM, "-cp", self.classes, "SmartWattsPull"]
        command += arguments(self.url, self.folder / "root.json", self.folder / puller)
        if self.small_disk:
            command = ["prlimit", f"--fsize={MOST_FILE_KIB * 1024}", *command]
        return subprocess.run(
            [*command, "nilm"],
            env={"PATH": os.environ["PATH"], **self.ministack.environment(), **self.environment},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def files(self, puller: str) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in (self.folder / puller).glob("nilm*")}


@pytest.fixture
def lab(
    ministack: Ministack, classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Lab:
    """A version, larger than what a full disk takes."""
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    url = f"s3://{ministack.new_bucket()}/a b/smartwatts"
    store = with_keys(Store(open_root(url), keys_of(tmp_path)))
    made = Lab(ministack, classes, tmp_path, url, store)
    shutil.copyfile(store.keys.root_path, tmp_path / "root.json")
    made.publish("run1")
    return made


@pytest.mark.parametrize("puller", PULLERS)
def test_whoever_may_only_read_pulls_from_a_bucket(lab: Lab, puller: str) -> None:
    lab.environment = lab.ministack.new_user(MAY_READ)
    done = lab.pull(puller)
    assert "nilm v1 updated" in done.stdout, done.stderr
    assert lab.files(puller)["nilm.tflite"] == content("run1") * 128


@pytest.mark.parametrize("puller", PULLERS)
def test_what_fails_leaves_the_folder_alone(lab: Lab, puller: str) -> None:
    assert lab.pull(puller).returncode == 0
    lab.publish("run2")
    before = lab.files(puller)
    no_permission = lab.ministack.new_user(MAY_NOT_READ)
    nobody = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    for environment in (
        no_permission,
        no_permission | {"AWS_SECRET_ACCESS_KEY": "wrong"},
        nobody,
    ):
        lab.environment = environment
        done = lab.pull(puller)
        assert done.returncode == 4, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert lab.files(puller) == before
    lab.environment, lab.small_disk = {}, True
    done = lab.pull(puller)
    assert done.returncode == 4, done.stderr
    assert lab.files(puller) == before
    assert not list((lab.folder / puller / ".smartwatts").glob("staged-*"))


@contextmanager
def forwarding(url: str) -> Iterator[str]:
    """The address of a proxy in front of a server: it passes headers on as they came."""
    behind = urlsplit(url)

    class Forward(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert behind.hostname
            connection = http.client.HTTPConnection(behind.hostname, behind.port)
            path = urlsplit(self.path).path
            connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            data = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            connection.close()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_endpoint_may_name_the_port_that_goes_without_saying(lab: Lab) -> None:
    """The JDK's Host header lacks it, and a signature holds for that header alone. A proxy
    stands for the server, so that nobody has to listen on port 80."""
    with forwarding(lab.ministack.url) as proxy:
        port = urlsplit(proxy).port
        lab.environment = {
            **lab.ministack.new_user(MAY_READ),
            "AWS_ENDPOINT_URL_S3": "http://store.example:80",
            "JAVA_TOOL_OPTIONS": f"-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort={port}",
        }
        done = lab.pull("java")
    assert "nilm v1 updated" in done.stdout, done.stderr
