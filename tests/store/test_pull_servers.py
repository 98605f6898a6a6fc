"""Both pullers on web servers that are slow, silent, endless, torn, or lead elsewhere."""

from __future__ import annotations

import datetime
import gzip
import http.server
import ipaddress
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from smartwatts_ml.objects import http as http_objects
from smartwatts_ml.objects.pace import Pace
from tests.store.pull_runners import JVM, Ended, JavaPuller, Puller, arguments, python_puller
from tests.store.tuf_repository import Repository, content

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK on this machine"),
]
PULLERS = ("java", "python")
Behaviour = Callable[["Request"], None]


class Request(http.server.BaseHTTPRequestHandler):
    """A request; ``serve`` answers it as it should be."""

    server: Server

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.asked[self.path] += 1
            self.server.headers.append(dict(self.headers))
        try:
            self.server.behaviour(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client had enough

    @property
    def attempt(self) -> int:
        return self.server.asked[self.path]

    def data(self) -> bytes | None:
        file = self.server.root / self.path.lstrip("/")
        return file.read_bytes() if file.is_file() else None

    def answer(self, status: int, data: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def serve(self) -> None:
        data = self.data()
        self.answer(404) if data is None else self.answer(200, data)

    def hang(self) -> None:
        """Until the client leaves, or the test is over."""
        self.server.over.wait(30)

    def log_message(self, *_: Any) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder as ``behaviour`` says."""

    daemon_threads = True

    def __init__(self, root: Path, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.root, self.behaviour = root, behaviour
        self.lock, self.over = threading.Lock(), threading.Event()
        self.asked: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@dataclass
class Lab:
    """A repository, servers of it, and folders to pull into."""

    top: Path
    repository: Repository
    pullers: dict[str, Puller]
    servers: list[Server] = field(default_factory=list)

    def server(self, behaviour: Behaviour, wrap: Callable[[Server], None] | None = None) -> Server:
        server = Server(self.repository.root, behaviour)
        if wrap:
            wrap(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.servers.append(server)
        return server

    def pull(self, puller: str, root: str, *options: str, **environment: str) -> Ended:
        folder = self.top / puller
        words = arguments(root, self.top / "root.json", folder)
        ended = self.pullers[puller]([*words, *options, "nilm"], environment)
        pulled = folder / "nilm.tflite"
        assert pulled.exists() == (ended.code == 0), ended
        if ended.code == 0:
            assert pulled.read_bytes() == content("one")
        assert not list(folder.glob(".smartwatts/staged-*"))
        return ended


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = Repository.new(tmp_path_factory.mktemp("served") / "root")
    made.publish("nilm", "one")
    return made


@pytest.fixture
def lab(
    repository: Repository, java: JavaPuller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lab]:
    patience = http_objects.Patience(silence_s=0.8, attempts=4, first_pause_s=0.005)
    monkeypatch.setattr(http_objects, "Patience", lambda: patience)
    monkeypatch.setattr(http_objects, "Pace", lambda: Pace(grace_s=0.8))
    (tmp_path / "root.json").write_bytes(repository.trusted_root())
    made = Lab(tmp_path, repository, {"java": java, "python": python_puller})
    yield made
    for server in made.servers:
        server.over.set()
        server.shutdown()
        server.server_close()


# What a server may do


def fine(request: Request) -> None:
    request.serve()


def fails_twice(request: Request) -> None:
    request.serve() if request.attempt > 2 else request.answer(503)


def drops_twice(request: Request) -> None:
    """Closes without a word."""
    if request.attempt > 2:
        request.serve()


def fails(request: Request) -> None:
    request.answer(500)


def torn_once(request: Request) -> None:
    data = request.data()
    if request.attempt > 1 or data is None:
        request.serve()
    else:
        request.answer(200, data[: len(data) // 2], Content_Length=str(len(data)))


def torn(request: Request) -> None:
    data = request.data()
    if data is None:
        return request.serve()
    return request.answer(200, data[: len(data) // 2], Content_Length=str(len(data)))


def silent(request: Request) -> None:
    request.hang()


def silent_in_the_middle(request: Request) -> None:
    data = request.data()
    if data is None:
        return request.serve()
    request.answer(200, data[: len(data) // 2], Content_Length=str(len(data)))
    return request.hang()


def drips(request: Request) -> None:
    data = request.data()
    if data is None:
        return request.serve()
    request.answer(200, Content_Length=str(len(data)))
    for byte in data:
        if request.server.over.wait(0.05):
            break
        request.wfile.write(bytes([byte]))
    return None


def drips_headers(request: Request) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not request.server.over.wait(0.1):
        request.wfile.write(b"X-More: 1\r\n" if request.server.over.is_set() else b"X")


def endless(request: Request) -> None:
    request.send_response(200)
    request.end_headers()
    while not request.server.over.is_set():
        request.wfile.write(b" " * 65536)


def endless_chunks(request: Request) -> None:
    request.protocol_version = "HTTP/1.1"
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    while not request.server.over.is_set():
        request.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n")


def promises_much(request: Request) -> None:
    request.answer(200, b"{}", Content_Length=str(2**50))


def promises_little(request: Request) -> None:
    data = request.data()
    request.answer(404) if data is None else request.answer(200, data, Content_Length="7")


def status(code: int) -> Behaviour:
    def answers(request: Request) -> None:
        request.answer(code)

    return answers


def part_of_it(request: Request) -> None:
    data = request.data()
    request.answer(404) if data is None else request.answer(206, data)


def packed(request: Request) -> None:
    data = request.data()
    if data is None:
        return request.serve()
    return request.answer(200, gzip.compress(data), Content_Encoding="gzip")


def leads_on(request: Request) -> None:
    """Once, to another path of this server."""
    if request.path.startswith("/moved"):
        request.path = request.path.removeprefix("/moved")
        return request.serve()
    return request.answer(302, Location=f"/moved{request.path}")


def leads_round(request: Request) -> None:
    request.answer(302, Location=f"{request.path}x")


def leads_to_files(request: Request) -> None:
    request.answer(302, Location=f"file://{request.server.root}{request.path}")


SERVERS: dict[Behaviour, int] = {
    fine: 0,
    fails_twice: 0,
    drops_twice: 0,
    fails: 4,
    torn_once: 0,
    torn: 4,
    silent: 4,
    silent_in_the_middle: 4,
    drips: 4,
    drips_headers: 4,
    endless: 4,
    endless_chunks: 4,
    promises_much: 4,
    promises_little: 4,
    status(401): 4,
    status(403): 4,
    status(404): 4,
    status(429): 4,
    status(204): 4,
    part_of_it: 4,
    packed: 4,
    leads_on: 0,
    leads_round: 4,
    leads_to_files: 4,
}
NAMES = [behaviour.__name__ for behaviour in SERVERS]


@pytest.mark.parametrize("puller", PULLERS)
@pytest.mark.parametrize("behaviour", SERVERS, ids=NAMES)
def test_a_pull_ends_whatever_a_server_does(lab: Lab, behaviour: Behaviour, puller: str) -> None:
    server = lab.server(behaviour)
    deadline = "4" if behaviour is drips_headers else "60"
    ended = lab.pull(puller, server.url, "--deadline", deadline)
    assert ended.code == SERVERS[behaviour], ended
    assert max(server.asked.values()) <= 4


@pytest.mark.parametrize("puller", PULLERS)
def test_nobody_there_is_the_servers_trouble(lab: Lab, puller: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ended = lab.pull(puller, f"http://127.0.0.1:{port}")
    assert ended.code == 4
    assert "cannot reach http://127.0.0.1" in ended.err


@pytest.mark.parametrize("puller", PULLERS)
def test_a_pull_that_is_killed_leaves_nothing_that_ships(
    lab: Lab, classes: Path, puller: str
) -> None:
    """While it goes on, no other one takes the folder."""
    reached = threading.Event()

    def hangs_at_the_file(request: Request) -> None:
        if request.path.endswith(".tflite") and not reached.is_set():
            reached.set()
            request.hang()
        else:
            request.serve()

    server = lab.server(hangs_at_the_file)
    folder = lab.top / "shared"
    words = [*arguments(server.url, lab.top / "root.json", folder), "nilm"]
    command: list[str] = [sys.executable, "-m", "smartwatts_ml", "models", "pull"]
    if puller == "java":
        command = [*JVM, "-cp", str(classes), "SmartWattsPull"]
    with subprocess.Popen([*command, *words], cwd=Path(__file__).parents[2]) as first:
        assert reached.wait(60)
        for other in lab.pullers.values():
            ended = other([*words, "--deadline", "1"], {})
            assert ended.code == 4
            assert "another pull into" in ended.err
        first.kill()
    assert {path.name for path in folder.iterdir()} == {".smartwatts"}
    assert lab.pullers[puller](words, {}).code == 0
    kept = {path.name for path in (folder / ".smartwatts").iterdir()}
    assert kept == {"lock", "metadata", "nilm.json"}
    assert (folder / "nilm.tflite").read_bytes() == content("one")


def guarded(request: Request) -> None:
    right = request.headers.get("Authorization") == "Bearer s3cret"
    request.serve() if right else request.answer(401)


@pytest.mark.parametrize("puller", PULLERS)
def test_a_token_is_of_a_file_or_of_the_environment(lab: Lab, puller: str) -> None:
    server = lab.server(guarded)
    assert lab.pull(puller, server.url).code == 4
    assert lab.pull(puller, server.url, SMARTWATTS_PULL_TOKEN="s3cret").code == 0
    shutil.rmtree(lab.top / puller)
    (lab.top / "headers").write_text("X-Other: 1\n\nAuthorization:  Bearer s3cret \n")
    ended = lab.pull(puller, server.url, "--header-file", str(lab.top / "headers"))
    assert ended.code == 0
    assert server.headers[-1]["X-Other"] == "1"


@pytest.mark.parametrize("puller", PULLERS)
def test_a_secret_goes_nowhere_else(lab: Lab, puller: str) -> None:
    other = lab.server(fine)

    def leads_elsewhere(request: Request) -> None:
        request.answer(302, Location=f"{other.url}{request.path}")

    server = lab.server(leads_elsewhere)
    assert lab.pull(puller, server.url, SMARTWATTS_PULL_TOKEN="s3cret").code == 4
    assert not other.asked
    assert lab.pull(puller, server.url).code == 0


@pytest.mark.parametrize("puller", PULLERS)
@pytest.mark.parametrize(
    "text", ["s3cret", "Authorization Bearer s3cret", "X: \x1bs3cret", "Host: s3cret", ": s3cret"]
)
def test_no_message_has_a_secret(lab: Lab, puller: str, text: str) -> None:
    (lab.top / "headers").write_text(text)
    ended = lab.pull(puller, "http://127.0.0.1:9", "--header-file", str(lab.top / "headers"))
    assert ended.code == 3
    assert "s3cret" not in ended.err
    ended = lab.pull(puller, "http://127.0.0.1:9", "--header-file", str(lab.top / "none"))
    assert ended.code == 3


@pytest.mark.parametrize("puller", PULLERS)
@pytest.mark.parametrize(
    "root",
    [
        "http://ann:s3cret@127.0.0.1:9",
        "https://s3cret@127.0.0.1/x",
        "http://h/?t=s3cret",
        "ftp://h/",
    ],
)
def test_an_address_with_a_secret_is_wrong_use(lab: Lab, puller: str, root: str) -> None:
    ended = lab.pull(puller, root)
    assert ended.code == 2
    assert "s3cret" not in ended.err


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 with its key, and a file of it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    both, alone = folder / "both.pem", folder / "alone.pem"
    pem = made.public_bytes(Encoding.PEM)
    alone.write_bytes(pem)
    both.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem)
    return both, alone


@pytest.mark.parametrize("puller", PULLERS)
def test_no_redirect_leads_from_https_to_http(
    lab: Lab, classes: Path, puller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, alone = certificate(lab.top)
    plain = lab.server(fine)

    def leads_to_http(request: Request) -> None:
        if request.server is plain or "secure" not in request.path:
            request.answer(302, Location=f"{plain.url}{request.path}")
        else:
            request.path = request.path.removeprefix("/secure")
            request.serve()

    def secure(server: Server) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(both)
        server.socket = context.wrap_socket(server.socket, server_side=True)

    url = lab.server(leads_to_http, secure).url.replace("http:", "https:")
    monkeypatch.setenv("SSL_CERT_FILE", str(alone))
    if puller == "java":
        store = str(lab.top / "trusted.p12")
        command = ["keytool", "-importcert", "-noprompt", "-alias", "a", "-file", str(alone)]
        command += ["-keystore", store, "-storetype", "PKCS12", "-storepass", "changeit"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        options = [f"-Djavax.net.ssl.trustStore={store}"]
        options += ["-Djavax.net.ssl.trustStorePassword=changeit"]
        lab.pullers["java"] = puller_of_its_own = JavaPuller(classes, *options)
    ended = lab.pull(puller, url)
    assert ended.code == 4
    assert "answers 302" in ended.err
    assert not plain.asked
    assert lab.pull(puller, f"{url}/secure").code == 0
    if puller == "java":
        puller_of_its_own.stop()
