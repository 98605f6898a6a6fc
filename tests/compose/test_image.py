"""The image's install steps, taken from the Dockerfile, in a clean folder."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CHECKS = {
    "celery": "import airflow.providers.celery.executors.celery_executor",
    "users": "import airflow.providers.fab.auth_manager.fab_auth_manager",
    "postgres": "import psycopg, sqlalchemy; sqlalchemy.create_engine('postgresql+psycopg://h/d')",
    "redis": "import redis",
    "training": "import importlib.util; assert importlib.util.find_spec('tensorflow')",
    "project": "import smartwatts_ml.commands.cli, smartwatts_ml.stages.tasks",
}


def build_steps() -> list[str]:
    """COPY and RUN of the first stage, with continued lines joined."""
    text = (REPOSITORY / "Dockerfile").read_text().replace("\\\n", " ")
    stage = text.split("\nFROM ")[1]
    return re.findall(r"^(?:COPY|RUN) .+$", stage, re.MULTILINE)


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_the_install_steps_run_in_a_clean_folder(tmp_path: Path) -> None:
    build, venv = tmp_path / "build", tmp_path / "venv"
    build.mkdir()
    for step in build_steps():
        kind, _, rest = step.partition(" ")
        if kind == "COPY":
            *sources, target = shlex.split(rest)
            for source in sources:
                copy(REPOSITORY / source, build / target / (source if target == "./" else ""))
        else:
            command = rest.replace("/opt/venv", str(venv)).replace(
                "python -m", f"{sys.executable} -m", 1
            )
            subprocess.run(command, shell=True, cwd=build, check=True, timeout=900)
    python = venv / "bin" / "python"
    for name, code in CHECKS.items():
        found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
        assert found.returncode == 0, f"{name}: {found.stderr[-500:]}"
    for arguments in (["airflow", "celery", "worker", "--help"], ["smartwatts", "--version"]):
        subprocess.run(
            [str(venv / "bin" / arguments[0]), *arguments[1:]], check=True, capture_output=True
        )


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
