"""Environments beside ``.venv``, each in ``.venv-NAME`` exactly as requirements-NAME.lock says.

Where one cannot be installed the reason is kept in ``.venv-NAME.reason``, and the tests that
need it are skipped with it.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parent.parent
_UV = _REPOSITORY / ".venv" / "bin" / "uv"


def _make(name: str) -> int:
    """Make or update the environment; 0 when it is there."""
    lock = _REPOSITORY / f"requirements-{name}.lock"
    venv = _REPOSITORY / f".venv-{name}"
    reason = _REPOSITORY / f".venv-{name}.reason"
    stamp = venv / f"{name}.stamp"
    wanted = hashlib.sha256(lock.read_bytes() + str(venv).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return 0
    commands: list[list[str | Path]] = [
        [_UV, "venv", "--quiet", "--clear", "--python", sys.executable, venv],
        [_UV, "pip", "install", "--quiet", "--python", venv / "bin" / "python", "-r", lock],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason.write_text(f"{name} cannot be installed: {done.stderr.strip()[-500:]}\n")
            sys.stderr.write(reason.read_text())
            return 1
    reason.unlink(missing_ok=True)
    stamp.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(_make(sys.argv[1]))
