"""Who sees curves of homes where FAB keeps users and roles, as in the compose stack."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from scripts.stack import REPOSITORY
from tests.airflow.distributed import PYTHON

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

REPORT = '<body><p>why</p><div class="panels"><figure><h3>home x</h3></figure></div></body>'
SEE = """
import json
from airflow.api_fastapi.app import create_app, get_auth_manager
from starlette.testclient import TestClient

app, seen = create_app("core"), {}
manager = get_auth_manager()
for name in ("anna", "otto"):
    user = manager.security_manager.find_user(username=name)
    with TestClient(app, cookies={"_token": manager.generate_jwt(user)}) as client:
        answer = client.get("/smartwatts/runs/run1/nilm/report.html")
        assert answer.status_code == 200, answer.text
        seen[name] = "home x" in answer.text
print("SEEN" + json.dumps(seen))
"""
"""In a process of its own each time: FAB remembers for a while what a user may."""


class Fab:
    """Airflow with FAB, on a database of its own, in the environment of the image."""

    def __init__(self, folder: Path) -> None:
        self._environment = os.environ | {
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager"
            ".FabAuthManager",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
            "AIRFLOW__API_AUTH__JWT_SECRET": "x" * 64,
            "SMARTWATTS_ROOT": str(folder / "root"),
            "SMARTWATTS_KEYS": str(folder / "keys"),
            "PYTHONPATH": str(REPOSITORY),  # as in the image: Airflow itself adds the plugins
        }

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(PYTHON), *arguments],
            env=self._environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        return done.stdout

    def seen(self) -> dict[str, bool]:
        """Who is shown curves of homes."""
        lines = [line for line in self.run("-c", SEE).splitlines() if line.startswith("SEEN")]
        shown: dict[str, bool] = json.loads(lines[0].removeprefix("SEEN"))
        return shown

    def add_user(self, name: str, role: str) -> None:
        named = ["--username", name, "--firstname", name, "--lastname", "x"]
        rest = ["--email", f"{name}@x.invalid", "--role", role, "--password", "secret-secret"]
        self.run("-m", "airflow", "users", "create", *named, *rest)


@pytest.fixture
def fab(tmp_path: Path) -> Fab:
    if not PYTHON.exists():
        pytest.skip("no .venv-compose: `make test-distributed`")
    made = Fab(tmp_path)
    made.run("-m", "airflow", "db", "migrate")
    report = tmp_path / "root/runs/run1/nilm/report.html"
    report.parent.mkdir(parents=True)
    report.write_text(REPORT)
    return made


def test_the_first_user_sees_curves_of_homes_and_others_do_not(fab: Fab) -> None:
    fab.add_user("anna", "Admin")
    fab.add_user("otto", "Op")
    for _ in range(2):
        fab.run("-m", "scripts.household_curves", "Admin")
    assert fab.seen() == {"anna": True, "otto": False}
