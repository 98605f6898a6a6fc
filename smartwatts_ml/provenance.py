"""Which code is running, with which libraries, and which content a file has."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from smartwatts_ml import __version__

__all__ = ["code_version", "library_versions", "sha256_of"]

_LIBRARIES = ("tensorflow", "keras", "ai-edge-litert", "numpy")
"""What computes a file."""


@cache
def code_version() -> str:
    """Package version, and the commit where the code runs from a git checkout."""
    package = Path(__file__).resolve().parent
    if not (package.parent / ".git").exists():
        return __version__
    try:
        commit = subprocess.run(
            ["git", "-C", str(package), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__}+{commit}"


def library_versions() -> dict[str, str]:
    """Versions of what computes a file, of those that are installed here."""
    versions = {}
    for name in _LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def sha256_of(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()
