"""``make env``: the project's own environment in ``.venv``, exactly as requirements.lock says.

Standard library only, so that any Python 3.11 to 3.13 can run it. A second call does
nothing: the stamp in ``.venv`` says which lock it was made from.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parent.parent
_OLDEST, _NEWEST = (3, 11), (3, 13)
_UV = "uv==0.13.9"


def _main() -> int:
    """Make or update the environment; 0 when it is there."""
    venv = _REPOSITORY / ".venv"
    stamp = venv / "smartwatts.stamp"
    wanted = _digest()
    if stamp.exists() and stamp.read_text() == wanted and (venv / "bin" / "smartwatts").exists():
        return 0
    try:
        _install(venv)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"make env: {' '.join(map(str, error.cmd))} failed\n")
        return 1
    stamp.write_text(wanted)
    return 0


def _digest() -> str:
    """What the environment depends on."""
    parts = [(_REPOSITORY / name).read_bytes() for name in ("requirements.lock", "pyproject.toml")]
    return hashlib.sha256(b"\0".join([*parts, _UV.encode(), str(_REPOSITORY).encode()])).hexdigest()


def _install(venv: Path) -> None:
    """A virtual environment, uv in it, then the locked packages and the project itself."""
    sys.stderr.write("make env: .venv as requirements.lock says; the first time takes minutes\n")
    python = venv / "bin" / "python"
    if not _runs(python):
        subprocess.run([_interpreter(), "-m", "venv", "--clear", venv], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", _UV], check=True)
    pip: list[str | Path] = [venv / "bin" / "uv", "pip", "install", "--quiet", "--python", python]
    subprocess.run([*pip, "--requirement", _REPOSITORY / "requirements.lock"], check=True)
    # The lock holds setuptools, so building the project's own metadata downloads nothing.
    project: list[str | Path] = ["--no-deps", "--no-build-isolation", "--editable", _REPOSITORY]
    subprocess.run([*pip, *project], check=True)
    # Airflow finds plugins/ by itself; this is for running or checking a DAG file alone.
    packages = next(venv.glob("lib/python3*/site-packages"))
    (packages / "smartwatts_plugins.pth").write_text(f"{_REPOSITORY / 'plugins'}\n")


def _runs(python: Path) -> bool:
    """Whether an environment is there, and of a Python that is still installed."""
    try:
        return subprocess.run([python, "-c", ""], check=False).returncode == 0
    except OSError:
        return False


def _interpreter() -> str:
    """This Python if it will do, else the newest that will."""
    if _OLDEST <= sys.version_info[:2] <= _NEWEST:
        return sys.executable
    for minor in range(_NEWEST[1], _OLDEST[1] - 1, -1):
        command = shutil.which(f"python3.{minor}")
        if command and _runs(Path(command)):
            return command
    raise SystemExit("make env: Python 3.11, 3.12 or 3.13 is needed, and none is on PATH")


if __name__ == "__main__":
    os.chdir(_REPOSITORY)
    sys.exit(_main())
