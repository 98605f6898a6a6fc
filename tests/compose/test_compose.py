"""The compose stack, as far as it can be held to account without a container engine."""

from __future__ import annotations

import json
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
USERS = (REPOSITORY / "s3-users.json").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
PASSING = {"init", "operator"}
LASTING = [name for name in SERVICES if name not in PASSING]
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


def mounts(name: str) -> dict[str, str]:
    """Where a service mounts which volume, by the volume's name; with how, if that is said."""
    named = [volume.split(":", 1) for volume in SERVICES[name].get("volumes", []) if ":" in volume]
    return {volume: place for volume, place in named}


def test_it_has_the_services_that_the_stack_needs() -> None:
    assert set(SERVICES) == {
        "postgres",
        "s3-storage",
        "s3",
        "init",
        "api-server",
        "scheduler",
        "dag-processor",
        "triggerer",
        "redis",
        "worker",
        "signer",
        "operator",
    }
    profiles = {
        name: SERVICES[name]["profiles"] for name in SERVICES if "profiles" in SERVICES[name]
    }
    assert profiles == {"operator": ["operator"]}


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


def test_the_keys_are_where_things_are_signed_and_nowhere_else() -> None:
    assert {name for name in SERVICES if "keys" in mounts(name)} == {"init", "signer", "operator"}
    assert {name for name in SERVICES if "offline" in mounts(name)} == PASSING
    for name in ("api-server", "triggerer", "worker"):
        assert mounts(name)["trust"] == "/opt/smartwatts/keys:ro", name
    for name in ("scheduler", "dag-processor"):
        assert not {"keys", "trust", "offline"} & set(mounts(name)), name


def test_a_worker_that_trains_takes_nothing_that_signs() -> None:
    queues = {name: SERVICES[name]["command"][4] for name in ("worker", "signer")}
    assert queues == {"worker": "default,training", "signer": "signing"}
    assert SERVICES["scheduler"]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"


def test_each_service_has_the_s3_credentials_of_its_role_or_none() -> None:
    users = {
        name: SERVICES[name]["environment"].get("AWS_ACCESS_KEY_ID")
        for name in OURS
        if SERVICES[name]["environment"].get("AWS_ACCESS_KEY_ID")
    }
    assert users == {
        "init": "owner",
        "api-server": "reader",
        "triggerer": "reader",
        "worker": "trainer",
        "signer": "signer",
        "operator": "operator",
    }
    for name, user in users.items():
        secret = SERVICES[name]["environment"]["AWS_SECRET_ACCESS_KEY"]
        assert secret == f"${{S3_{user.upper()}_SECRET:?run make secrets}}", name
    known = {user["name"]: user["credentials"] for user in json.loads(USERS)["identities"]}
    assert set(known) == {*users.values(), "gateway"}
    for name, (credential,) in known.items():
        assert credential == {"accessKey": name, "secretKey": f"${{S3_{name.upper()}_SECRET}}"}
        assert f"S3_{name.upper()}_SECRET" in SERVICES["s3-storage"]["environment"]


def test_nothing_that_runs_tasks_reaches_more_of_the_s3_server_than_its_s3_port() -> None:
    """Its other ports let everybody write everything."""
    reached = {name for name in SERVICES if "storage" in SERVICES[name].get("networks", [])}
    assert reached == {"s3-storage", "s3"}
    assert SERVICES["s3-storage"]["networks"] == ["storage"]
    assert COMPOSE["networks"]["storage"] == {"internal": True}
    forwarded = COMPOSE["configs"]["s3-port"]["content"]
    assert re.findall(r"bind (\S+)", forwarded) == [":8333"]
    assert re.findall(r"server \w+ (\S+)", forwarded)[-1] == "s3-storage:8333"


def test_initialisation_takes_the_keys_of_root_from_the_worker_that_signs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scripts.compose_init import make_keys
    from smartwatts_ml.kinds import model_names
    from smartwatts_ml.objects import open_root
    from smartwatts_ml.store import Store

    monkeypatch.setenv("ROOT_THRESHOLD", "2")
    monkeypatch.setenv("ROOT_HOLDERS", "3")
    root, keys, trust, offline = (tmp_path / name for name in ("root", "keys", "trust", "offline"))
    for _ in range(2):
        make_keys(str(root), keys, trust, offline)
    assert [path.name for path in trust.iterdir()] == ["root.json"]
    assert len(list(offline.glob("root-*.pem"))) == 3
    assert not list(keys.rglob("root-*.pem"))
    of_worker, of_signer = (Store(open_root(str(root)), folder) for folder in (trust, keys))
    assert not of_worker.keys.uris()
    assert of_signer.renew() is not None
    _, targets = of_worker.metadata()
    assert targets is not None and targets.delegations is not None
    assert set(targets.delegations.roles or {}) == set(model_names())


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
        and SERVICES[name]["command"][0] != "smartwatts"
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
    from scripts.stack import reserve_port

    with reserve_port() as (port, _):
        return port


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
    tools = names([*groups]) - {"pyyaml", "jsonschema"}  # which Airflow needs as well
    assert {"pytest", "mypy", "ruff", "moto"} <= tools
    assert not tools & set(locked("requirements-compose.lock"))


def test_what_the_image_copies_is_in_the_build_context() -> None:
    ignore = (REPOSITORY / ".dockerignore").read_text().splitlines()
    copies = re.findall(r"^COPY (?!--from)(.+)$", (REPOSITORY / "Dockerfile").read_text(), re.M)
    for copy in copies:
        for source in copy.split()[:-1]:
            assert (REPOSITORY / source).exists(), source
            assert f"!{source}" in ignore


def test_the_signing_pod_of_the_page_has_the_key_folder_where_the_image_looks_for_it() -> None:
    page = (REPOSITORY / "docs" / "kubernetes.md").read_text()
    pod = yaml.safe_load(page.split("<!-- signing pod -->\n```yaml\n")[1].split("```")[0])["spec"]
    (container,) = pod["containers"]
    (mount,), (volume,) = container["volumeMounts"], pod["volumes"]
    assert container["name"] == "base"
    assert volume["name"] == mount["name"] and "persistentVolumeClaim" in volume
    assert f"SMARTWATTS_KEYS={mount['mountPath']}" in (REPOSITORY / "Dockerfile").read_text()
    assert pod["serviceAccountName"]
