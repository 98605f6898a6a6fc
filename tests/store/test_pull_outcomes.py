"""Both pullers, the Java program and ``smartwatts models pull``, on the same store and the
same trouble: each has to end the same way, and to leave its folder alone where it fails."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest

from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.store import KeyFolder, Manifest, Pointer, Store
from smartwatts_ml.store.canonical import canonical_json
from smartwatts_ml.store.keys import public_pem
from smartwatts_ml.store.sealed import digest
from smartwatts_ml.store.signing import seal
from tests.ministack import Ministack
from tests.store.helpers import FIELDS, content, keys_of

REPOSITORY = Path(__file__).parents[2]
PULLERS = ("java", "cli")
MOST_FILE_KIB = 16
"""Largest file that a process may write where the disk is to be full."""
NO_PERMISSION = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*"}
    ],
}
MAY_READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK on this machine"),
]


def big(run_id: str) -> bytes:
    """A file that does not fit a disk that is full."""
    return content(run_id) * 128


@dataclass
class Lab:
    """A store in a bucket, and a folder and trusted keys for each puller."""

    ministack: Ministack
    classes: Path
    folder: Path
    url: str
    objects: Objects
    store: Store
    environment: dict[str, str] = field(default_factory=dict)
    small_disk: bool = False

    def publish(self, run_id: str) -> None:
        self.store.publish("nilm", big(run_id), FIELDS, run_id=run_id, actor="ann", reason="better")

    def trust(self, pem: bytes) -> None:
        """Let both pullers trust one key, and no other."""
        shutil.rmtree(self.folder / "gateway", ignore_errors=True)
        KeyFolder(self.folder / "gateway").trust(pem)
        (self.folder / "key.pub").write_bytes(pem)

    def key(self, name: str) -> Any:
        return self.objects.read(f"models/nilm/{name}")

    def pull(self, puller: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [sys.executable, "-m", "smartwatts_ml", "models", "pull"]
        if puller == "java":
            command = ["java", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", "-cp", self.classes]
            command += ["SmartWattsPull", "--key", self.folder / "key.pub"]
        command += ["--root", self.url, "--to", self.folder / puller, "nilm"]
        if self.small_disk:
            command = ["prlimit", f"--fsize={MOST_FILE_KIB * 1024}", *command]
        return subprocess.run(
            command,
            env={
                "PATH": os.environ["PATH"],
                "SMARTWATTS_KEYS": str(self.folder / "gateway"),
                **self.ministack.environment(),
                **self.environment,
            },
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def files(self, puller: str) -> dict[str, tuple[bytes, int]]:
        """What is in a puller's folder, with the times of writing."""
        paths = (self.folder / puller).iterdir()
        return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in paths}


@pytest.fixture
def lab(
    ministack: Ministack, classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Lab:
    """Two versions; both pullers have the first one, and the second came after."""
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    url = f"s3://{ministack.new_bucket()}/a b/smartwatts"
    objects = open_root(url)
    store = Store(objects, keys_of(tmp_path))
    made = Lab(ministack, classes, tmp_path, url, objects, store)
    made.publish("run1")
    made.trust(public_pem(store.keys.signing_key().key.public_key()))
    for puller in PULLERS:
        done = made.pull(puller)
        assert done.returncode == 0, done.stderr
    made.publish("run2")
    return made


def with_payload(envelope: bytes, **changes: Any) -> bytes:
    """The envelope with other words under the same signature."""
    value = json.loads(envelope)
    payload = json.loads(b64decode(value["payload"])) | changes
    value["payload"] = b64encode(canonical_json(payload)).decode()
    return canonical_json(value)


def sign_at(lab: Lab, when: datetime) -> None:
    Store(lab.objects, keys_of(lab.folder), clock=lambda: when).resign("nilm")


# Trouble


def nothing(lab: Lab) -> None:
    """Nothing is wrong."""


def nothing_new(lab: Lab) -> None:
    for puller in PULLERS:
        lab.pull(puller)


def rollback(lab: Lab) -> None:
    nothing_new(lab)
    lab.store.rollback("nilm", 1, "bob", "why")


def replayed_pointer(lab: Lab) -> None:
    old = lab.key("champion.json").data
    lab.publish("run3")
    nothing_new(lab)
    lab.objects.write("models/nilm/champion.json", old)


def expired_pointer(lab: Lab) -> None:
    sign_at(lab, datetime(2020, 1, 1, tzinfo=UTC))


def pointer_from_the_future(lab: Lab) -> None:
    sign_at(lab, datetime.now(UTC) + timedelta(days=3))


def tampered_file(lab: Lab) -> None:
    lab.objects.write("models/nilm/nilm_v2.tflite", big("other"))


def longer_file(lab: Lab) -> None:
    lab.objects.write("models/nilm/nilm_v2.tflite", big("run2") + b"more")


def shorter_file(lab: Lab) -> None:
    lab.objects.write("models/nilm/nilm_v2.tflite", big("run2")[:-1])


def tampered_manifest(lab: Lab) -> None:
    data = with_payload(lab.key("nilm_v2.json").data, quantization="none")
    lab.objects.write("models/nilm/nilm_v2.json", data)


def tampered_pointer(lab: Lab) -> None:
    data = with_payload(lab.key("champion.json").data, serial=99)
    lab.objects.write("models/nilm/champion.json", data)


def no_identifier(lab: Lab) -> None:
    """Signed and whole, and no model: the publisher itself went wrong."""
    data = b"<html>no such page</html>"
    changes = {"sha256": digest(data), "size": len(data)}
    lab.objects.write("models/nilm/nilm_v2.tflite", data)
    for name, kind in (("nilm_v2.json", Manifest), ("champion.json", Pointer)):
        envelope = with_payload(lab.key(name).data, **changes)
        payload = b64decode(json.loads(envelope)["payload"])
        sealed = seal(payload, kind.payload_type, lab.store.keys.signing_keys())
        lab.objects.write(f"models/nilm/{name}", sealed)


def name_twice_in_envelope(lab: Lab) -> None:
    data = lab.key("champion.json").data
    lab.objects.write("models/nilm/champion.json", b'{"payload":"",' + data[1:])


def name_twice_in_payload(lab: Lab) -> None:
    """Signed as it is: of two serials each reader could take another."""
    envelope = json.loads(lab.key("champion.json").data)
    payload = b'{"serial":1,' + b64decode(envelope["payload"])[1:]
    sealed = seal(payload, Pointer.payload_type, lab.store.keys.signing_keys())
    lab.objects.write("models/nilm/champion.json", sealed)


def wrong_key(lab: Lab) -> None:
    stranger = KeyFolder(lab.folder / "stranger")
    stranger.generate()
    lab.trust(public_pem(stranger.signing_key().key.public_key()))


def rotate(lab: Lab) -> tuple[bytes, bytes]:
    """A whole rotation; the old key and the new one."""
    keys = lab.store.keys
    old = public_pem(keys.signing_key().key.public_key())
    keys.generate(rotate=True)
    lab.store.resign_documents("nilm")
    keys.retire()
    lab.publish("run3")
    return old, public_pem(keys.signing_key().key.public_key())


def rotated_key(lab: Lab) -> None:
    lab.trust(rotate(lab)[1])


def key_rotated_out(lab: Lab) -> None:
    lab.trust(rotate(lab)[0])


def wrong_secret(lab: Lab) -> None:
    user = lab.ministack.new_user(NO_PERMISSION)
    lab.environment = user | {"AWS_SECRET_ACCESS_KEY": "wrong"}


def no_permission(lab: Lab) -> None:
    lab.environment = lab.ministack.new_user(NO_PERMISSION)


def no_server(lab: Lab) -> None:
    lab.environment = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}


def no_space(lab: Lab) -> None:
    lab.small_disk = True


@contextmanager
def forwarding(
    url: str, cut: Callable[[str, bytes], bytes] = lambda _, data: data
) -> Iterator[str]:
    """The address of a server, which serves as a proxy too, in front of the store's: it passes
    headers on as they came, and ``cut(path, body)`` of what comes back."""
    behind = urlsplit(url)

    class Forward(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert behind.hostname
            path = urlsplit(self.path).path
            connection = http.client.HTTPConnection(behind.hostname, behind.port)
            connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            data = answer.read()
            self.send_response(answer.status)
            self.send_header("ETag", answer.headers.get("ETag", ""))
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(cut(path, data))
            self.close_connection = True
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


Outcome = Literal["v1", "v2", "v3", "current", "refused"]
TROUBLES: dict[Callable[[Lab], None], Outcome] = {
    nothing: "v2",
    nothing_new: "current",
    rollback: "v1",
    replayed_pointer: "refused",
    expired_pointer: "refused",
    pointer_from_the_future: "refused",
    tampered_file: "refused",
    longer_file: "refused",
    shorter_file: "refused",
    tampered_manifest: "refused",
    tampered_pointer: "refused",
    no_identifier: "refused",
    name_twice_in_envelope: "refused",
    name_twice_in_payload: "refused",
    wrong_key: "refused",
    rotated_key: "v3",
    key_rotated_out: "refused",
    wrong_secret: "refused",
    no_permission: "refused",
    no_server: "refused",
    no_space: "refused",
}
SAMPLE = (nothing_new, rollback, replayed_pointer, tampered_file, rotated_key, no_space)
"""For `make test`; the others, too, have tests of their own on a directory."""


def end_the_same(lab: Lab, trouble: str, expected: Outcome) -> None:
    said = {}
    for puller in PULLERS:
        before, asked = lab.files(puller), lab.ministack.requests()
        done = lab.pull(puller)
        asked = lab.ministack.requests() - asked
        after = lab.files(puller)
        said[puller] = done.stdout.strip() or done.stderr.strip().splitlines()[-1]
        assert done.returncode == (4 if expected == "refused" else 0), done.stderr
        if expected in ("refused", "current"):
            assert after == before
            assert expected != "current" or asked == 1
        else:
            run_id = expected.replace("v", "run")
            assert after["nilm.tflite"][0] == big(run_id)
            versioned = {name for name in after if "_v" in name}
            assert versioned == {f"nilm_{expected}.tflite", f"nilm_{expected}.json"}
        assert all(not name.startswith(".") for name in after)
    verdict = {"refused": "exit 4, folder untouched", "current": "exit 0, one request"}
    words = [text.removeprefix("error: ").split(":")[0][-60:] for text in said.values()]
    row = (trouble.replace("_", " "), verdict.get(expected, f"exit 0, {expected}"), *words)
    print(f"\n| {' | '.join(row)} |")  # noqa: T201


@pytest.mark.parametrize("trouble", SAMPLE, ids=lambda t: t.__name__)
def test_both_pullers_end_the_same_way(lab: Lab, trouble: Callable[[Lab], None]) -> None:
    trouble(lab)
    end_the_same(lab, trouble.__name__, TROUBLES[trouble])


@pytest.mark.full
@pytest.mark.parametrize(
    "trouble", [t for t in TROUBLES if t not in SAMPLE], ids=lambda t: t.__name__
)
def test_both_pullers_end_the_same_way_in_every_trouble(
    lab: Lab, trouble: Callable[[Lab], None]
) -> None:
    trouble(lab)
    end_the_same(lab, trouble.__name__, TROUBLES[trouble])


def test_a_torn_download_leaves_the_folder_alone(lab: Lab) -> None:
    def half_a_model(path: str, data: bytes) -> bytes:
        return data[: len(data) // 2] if path.endswith(".tflite") else data

    with forwarding(lab.ministack.url, half_a_model) as torn:
        lab.environment = {"AWS_ENDPOINT_URL_S3": torn}
        end_the_same(lab, "torn_download", "refused")


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
    assert "nilm v2 updated" in done.stdout, done.stderr
