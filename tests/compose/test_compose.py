"""The compose stack, as far as it can be held to account without a container engine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.warm import WarmPython

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docker-compose.yaml").read_text()
PYPROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
LASTING = [name for name in SERVICES if name != "init"]
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)([^}]*)\}")
SECRET = re.compile("PASSWORD|SECRET|KEY")


def example() -> dict[str, str]:
    """Names and values of .env.example."""
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def locked(name: str) -> dict[str, set[str]]:
    """Versions of each package that a lock pins; more than one where Pythons differ."""
    versions: dict[str, set[str]] = {}
    for line in (REPOSITORY / name).read_text().splitlines():
        package, version = line.split(";")[0].strip().split("==")
        versions.setdefault(package, set()).add(version)
    return versions


def names(requirements: list[Any]) -> set[str]:
    """Packages that requirements name; entries that include a group have none."""
    texts = [text for text in requirements if isinstance(text, str)]
    return {re.match(r"[\w-]+", text).group() for text in texts}  # type: ignore[union-attr]


def test_it_has_the_services_that_the_stack_needs() -> None:
    assert set(SERVICES) == {
        "postgres",
        "s3",
        "init",
        "api-server",
        "scheduler",
        "dag-processor",
        "triggerer",
        "redis",
        "worker",
        "signer",
    }
    assert {name for name in SERVICES if SERVICES[name].get("profiles") == ["celery"]} == {
        "redis",
        "worker",
        "signer",
    }


@pytest.mark.parametrize("name", LASTING)
def test_every_lasting_service_has_a_health_check_and_restarts(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert check["retries"] and check["interval"] and check["timeout"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - set(OURS)))
def test_images_of_others_are_pinned_to_a_release(name: str) -> None:
    assert re.search(r":\d+\.\d+", SERVICES[name]["image"])


def test_the_base_image_is_pinned_to_a_release() -> None:
    images = re.findall(r"^FROM (\S+)", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE)
    assert images
    assert all(re.fullmatch(r"python:3\.1[123]\.\d+-slim-\w+", image) for image in images)


@pytest.mark.parametrize("name", sorted(set(OURS) - {"init"}))
def test_everything_waits_until_initialisation_is_done(name: str) -> None:
    waits = SERVICES[name]["depends_on"]
    assert waits["init"]["condition"] == "service_completed_successfully"
    assert waits["postgres"]["condition"] == "service_healthy"
    assert waits["s3"]["condition"] == "service_healthy"


def test_initialisation_runs_once() -> None:
    assert SERVICES["init"]["restart"] == "no"
    assert "init" not in SERVICES["init"]["depends_on"]


def test_every_variable_is_in_the_example_and_nothing_in_the_example_is_unused() -> None:
    assert {name for name, _ in VARIABLE.findall(TEXT)} == set(example())


def test_there_is_no_default_secret() -> None:
    for name, rest in VARIABLE.findall(TEXT):
        assert rest.startswith(":?"), f"{name} must be set, not defaulted"
        if SECRET.search(name):
            assert example()[name] == "", f"{name} has a value in the example"


def test_every_port_is_published_on_loopback_alone() -> None:
    for service in SERVICES.values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_the_keys_are_mounted_only_where_is_signed() -> None:
    holders = {
        name
        for name, service in SERVICES.items()
        if any(volume.startswith("keys:") for volume in service.get("volumes", []))
    }
    assert holders == {"init", "scheduler", "signer"}
    assert "signing" in SERVICES["signer"]["command"]
    assert "signing" not in str(SERVICES["worker"]["command"])


def test_settings_of_smartwatts_in_it_are_known_settings() -> None:
    from smartwatts_ml.environment import known_variables

    environment = SERVICES["scheduler"]["environment"]
    ours = {name for name in environment if name.startswith("SMARTWATTS_")}
    assert ours and ours <= known_variables()


def test_airflow_settings_in_it_exist() -> None:
    from airflow.configuration import conf

    for name in SERVICES["scheduler"]["environment"]:
        if name.startswith("AIRFLOW__") and "__CELERY__" not in name:
            _, section, option = name.split("__")
            options = conf.configuration_description[section.lower()]["options"]
            assert option.lower() in options, name


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        SERVICES[name]["command"]
        for name in OURS
        if SERVICES[name]["command"][:2] != ["airflow", "celery"]
    ]
    + [SERVICES[name]["healthcheck"]["test"][1:] for name in ("dag-processor", "triggerer")],
    ids=" ".join,
)
def test_every_command_exists_in_the_environment(
    warm_airflow: WarmPython, command: list[str]
) -> None:
    if command[0] == "python":
        code = f"import importlib.util, sys; sys.exit(not importlib.util.find_spec({command[2]!r}))"
        warm_airflow.output(code)
    else:
        code = f"import runpy; runpy.run_module({command[0]!r}, run_name='__main__')"
        assert "usage" in warm_airflow.output(code, *command[1:], "--help").lower()


def test_the_health_check_tells_an_answer_from_silence(unused_port: int) -> None:
    check = [sys.executable, "-m", "scripts.healthy", f"http://127.0.0.1:{unused_port}/health"]
    assert subprocess.run(check, cwd=REPOSITORY, check=False, capture_output=True).returncode == 1


@pytest.fixture
def unused_port() -> int:
    from scripts.stack import free_port

    return free_port()


def test_secrets_are_fresh_complete_and_private(tmp_path: Path) -> None:
    make = [sys.executable, "scripts/compose_env.py", "--output"]
    texts = []
    for name in ("one", "two"):
        path = tmp_path / name
        subprocess.run([*make, path], cwd=REPOSITORY, check=True, capture_output=True)
        assert path.stat().st_mode & 0o777 == 0o600
        texts.append(path.read_text())
    values = [dict(li.split("=", 1) for li in t.splitlines() if "=" in li[1:]) for t in texts]
    for name, given in example().items():
        if given:
            assert values[0][name] == given
        else:
            assert len(values[0][name]) >= 32 and values[0][name] != values[1][name]


def test_the_fernet_key_is_one() -> None:
    from cryptography.fernet import Fernet

    from scripts.compose_env import secret

    key = Fernet(secret("AIRFLOW_FERNET_KEY").encode())
    assert key.decrypt(key.encrypt(b"a password")) == b"a password"


def test_secrets_that_are_there_are_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("mine")
    make = [sys.executable, "scripts/compose_env.py", "--output", str(path)]
    assert subprocess.run(make, cwd=REPOSITORY, check=False, capture_output=True).returncode == 1
    assert path.read_text() == "mine"


def test_the_image_has_what_the_project_needs_in_the_same_versions() -> None:
    ours, image = locked("requirements.lock"), locked("requirements-compose.lock")
    extras = PYPROJECT["project"]["optional-dependencies"].values()
    assert names([*PYPROJECT["project"]["dependencies"], *chain(*extras)]) <= set(image)
    assert {name: image[name] for name in set(ours) & set(image)} == {
        name: ours[name] for name in set(ours) & set(image)
    }


def test_the_image_has_nothing_that_only_a_checkout_needs() -> None:
    groups = chain(*PYPROJECT["dependency-groups"].values())
    tools = names([*groups]) - {"pyyaml"}  # which Airflow needs as well
    assert {"pytest", "mypy", "ruff", "moto"} <= tools
    assert not tools & set(locked("requirements-compose.lock"))


def test_what_the_image_copies_is_in_the_build_context() -> None:
    ignore = (REPOSITORY / ".dockerignore").read_text().splitlines()
    copies = re.findall(r"^COPY (?!--from)(.+)$", (REPOSITORY / "Dockerfile").read_text(), re.M)
    for copy in copies:
        for source in copy.split()[:-1]:
            assert (REPOSITORY / source).exists(), source
            assert f"!{source}" in ignore
