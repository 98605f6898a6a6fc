"""The Gradle script in a build of a plain Java project, as a gateway's app has it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store.tuf_repository import Repository, content

SCRIPT = Path(__file__).parents[2] / "gateway" / "smartwatts.gradle"
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("gradle") is None, reason="no Gradle on this machine"),
]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Two models in a folder."""
    made = Repository.new(tmp_path / "root")
    made.publish("nilm", "one")
    made.publish("anomaly", "one")
    return made


@pytest.fixture
def app(tmp_path: Path, repository: Repository) -> Path:
    """A project whose resources are models."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "settings.gradle").write_text("rootProject.name = 'app'\n")
    (folder / "build.gradle").write_text(f"apply plugin: 'java'\napply from: '{SCRIPT}'\n")
    (folder / "root.json").write_bytes(repository.trusted_root())
    configure(folder, root="../root", trustedRoot="root.json", models="nilm")
    return folder


def configure(folder: Path, **settings: str) -> None:
    lines = [f"smartwatts.{name}={value}\n" for name, value in settings.items()]
    (folder / "gradle.properties").write_text("".join(lines))


def build(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["gradle", "--no-daemon", "-g", str(folder / ".home"), "processResources"]
    return subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def shipped(folder: Path) -> dict[str, bytes]:
    """What the app would ship, by path."""
    top = folder / "build/resources/main"
    files = (path for path in top.rglob("*") if path.is_file())
    return {str(path.relative_to(top)): path.read_bytes() for path in files}


def test_a_build_pulls_what_it_ships_and_fails_on_what_does_not_verify(
    app: Path, repository: Repository
) -> None:
    done = build(app)
    assert done.returncode == 0, done.stderr
    assert set(shipped(app)) == {
        f"models/nilm{end}" for end in (".tflite", "_v1.tflite", "_v1.json")
    }
    assert shipped(app)["models/nilm.tflite"] == content("one")
    repository.publish("nilm", "two")
    (repository.root / "models/nilm/nilm_v2.tflite").write_bytes(b"evil")
    assert build(app, "--offline").returncode == 0
    failed = build(app)
    assert failed.returncode != 0
    assert "nilm_v2.tflite" in failed.stdout + failed.stderr
    assert shipped(app)["models/nilm.tflite"] == content("one")


def test_a_build_for_one_gateway_ships_the_candidate_and_one_for_all_the_champion(
    app: Path, repository: Repository
) -> None:
    repository.candidate("nilm", "two", runtime="2.3")
    ours = ("-Psmartwatts.gateway=home7", "-Psmartwatts.runtime=2.3.1")
    for arguments, text in (((), "one"), (ours[:1], "one"), (ours, "two"), ((), "one")):
        done = build(app, *arguments)
        assert done.returncode == 0, done.stderr
        assert shipped(app)["models/nilm.tflite"] == content(text), arguments
    failed = build(app, "-Psmartwatts.gateway=home 7")
    assert failed.returncode != 0
    assert "'home 7' is no id of a gateway" in failed.stderr


def test_an_app_is_built_with_the_library(app: Path) -> None:
    with (app / "build.gradle").open("a") as script:
        script.write("sourceCompatibility = 8\nsourceSets.main.java.srcDir smartwattsLibrary\n")
    source = app / "src/main/java/app/App.java"
    source.parent.mkdir(parents=True)
    source.write_text(
        "package app;\nclass App {\n    Object ring = new smartwatts.LocalHours("
        'java.time.ZoneId.of("Europe/Berlin"), 672);\n}\n'
    )
    done = build(app, "classes")
    assert done.returncode == 0, done.stderr
    built = {path.name for path in (app / "build/classes").rglob("*.class")}
    assert {"App.class", "NilmPredictor.class"} <= built


def test_a_build_without_settings_says_which(app: Path) -> None:
    configure(app, root="../root")
    done = build(app)
    assert done.returncode != 0
    assert "set smartwatts.trustedRoot in gradle.properties" in done.stderr


def test_a_build_pulls_from_a_web_server_with_headers_of_a_file(
    app: Path, repository: Repository, web_server: Callable[[Path], str]
) -> None:
    (app / "headers").write_text("Authorization: Bearer s3cret\n")
    url = web_server(repository.root)
    configure(app, root=url, trustedRoot="root.json", headerFile="headers")
    done = build(app)
    assert done.returncode == 0, done.stderr
    assert {"models/nilm.tflite", "models/anomaly.tflite"} < set(shipped(app))


def test_a_bucket_is_no_folder(app: Path) -> None:
    configure(app, root="s3://bucket/models", trustedRoot="root.json")
    done = build(app, AWS_ENDPOINT_URL_S3="http://127.0.0.1:9")
    assert done.returncode != 0
    assert "cannot reach http://127.0.0.1:9/bucket/models/models/metadata/" in done.stderr
