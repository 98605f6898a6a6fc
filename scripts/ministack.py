"""``make ministack``: the environment of the S3 server with users that tests start.

In ``.venv-ministack``, exactly as requirements-ministack.lock says. Where it cannot be
installed the reason is kept in ``.venv-ministack.reason``, and the tests that need it are
skipped with it.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LOCK = REPOSITORY / "requirements-ministack.lock"
VENV = REPOSITORY / ".venv-ministack"
REASON = REPOSITORY / ".venv-ministack.reason"
UV = REPOSITORY / ".venv" / "bin" / "uv"


def main() -> int:
    """Make or update the environment; 0 when it is there."""
    stamp = VENV / "ministack.stamp"
    wanted = hashlib.sha256(LOCK.read_bytes() + str(VENV).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return 0
    commands: list[list[str | Path]] = [
        [UV, "venv", "--quiet", "--clear", "--python", sys.executable, VENV],
        [UV, "pip", "install", "--quiet", "--python", VENV / "bin" / "python", "-r", LOCK],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            REASON.write_text(f"ministack cannot be installed: {done.stderr.strip()[-500:]}\n")
            sys.stderr.write(f"make ministack: {REASON.read_text()}")
            return 1
    REASON.unlink(missing_ok=True)
    stamp.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
