"""Other releases of LiteRT, each in an environment of its own, and files tried on them.

An environment is made once, from the package registry that pip is configured for, and kept in
``$XDG_CACHE_HOME/smartwatts/runtimes`` (``~/.cache`` by default). It may be deleted at any time.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smartwatts_ml.errors import BadInputError, SmartwattsError, UsageError
from smartwatts_ml.modelfiles.needs import Deviation, Needs
from smartwatts_ml.settings.common import RELEASE

__all__ = ["Trial", "check_release", "try_on"]

_PACKAGE = "ai-edge-litert"
_BEFORE_NUMPY_2 = ("1.0", "1.1")
"""Releases that were built for numpy 1 and do not say so."""
_INSTALL_S = 900
_RUN_S = 120
_RUNNER = Path(__file__).with_name("foreign_runtime.py")
_MOST_OUTPUT_BYTES = 64 << 20


@dataclass(frozen=True)
class Trial:
    """How a file does on a release. ``deviation``: None where it does not run there, and
    ``trouble`` says why then."""

    release: str
    deviation: Deviation | None
    trouble: str = ""

    @property
    def passed(self) -> bool:
        return self.deviation is not None and self.deviation.tolerable

    @property
    def text(self) -> str:
        """What came of it, as a clause."""
        if self.deviation is None:
            return f"does not run on LiteRT {self.release}: {self.trouble}"
        if not np.isfinite(self.deviation.share):
            return f"{self.deviation.name} is not finite, or missing, on LiteRT {self.release}"
        share = f"{self.deviation.share:.0%} of what is tolerated"
        return f"{self.deviation.name} is off by {share} on LiteRT {self.release}"


def check_release(text: str) -> str:
    """A release such as 1.4.0. Raises UsageError where it is none."""
    if not re.fullmatch(RELEASE, text):
        raise UsageError(f"{text!r} is no release of LiteRT", fix="such as 1.4.0")
    return text


def _runtimes_folder() -> Path:
    """Where environments are kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "smartwatts" / "runtimes"


def try_on(
    release: str,
    content: bytes,
    needs: Needs,
    shapes: Mapping[str, tuple[int, ...]],
    folder: Path | None = None,
) -> Trial:
    """Run a file's golden vectors on a release of LiteRT. ``shapes``: of its inputs. Raises
    SmartwattsError where the release cannot be installed, which says nothing of the file."""
    python = _environment(check_release(release), folder or _runtimes_folder())
    inputs = {
        f"{number}/{name}": array
        for number, vector in enumerate(needs.vectors)
        for name, array in needs.inputs(vector, shapes).items()
    }
    with tempfile.TemporaryDirectory() as place:
        try:
            outputs = _run(python, content, inputs, Path(place))
        except BadInputError as error:
            return Trial(release, None, str(error))
    answers: list[dict[str, np.ndarray]] = [{} for _ in needs.vectors]
    for key, array in outputs.items():
        number, _, name = key.partition("/")
        answers[int(number)][name] = array
    worst = max(
        (needs.deviation(vector, got) for vector, got in zip(needs.vectors, answers, strict=True)),
        key=lambda deviation: deviation.share,
        default=Deviation("", float("inf")),
    )
    return Trial(release, worst)


def _run(
    python: Path, content: bytes, inputs: Mapping[str, np.ndarray], place: Path
) -> dict[str, np.ndarray]:
    """Outputs by window and name. Raises BadInputError where the file does not run."""
    model, asked, got = (place / name for name in ("model.tflite", "inputs.npz", "outputs.npz"))
    model.write_bytes(content)
    np.savez(asked, **inputs)  # type: ignore[arg-type]
    command: list[str | Path] = [python, "-I", _RUNNER, model, asked, got]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_RUN_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BadInputError(f"not done after {_RUN_S} s") from error
    if done.returncode:
        raise BadInputError(_last_line(done.stderr) or f"its process ended with {done.returncode}")
    try:
        if got.stat().st_size > _MOST_OUTPUT_BYTES:
            raise BadInputError(f"it gave more than {_MOST_OUTPUT_BYTES} bytes")
        with np.load(got, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise BadInputError("it gave no outputs") from error


def _environment(release: str, folder: Path) -> Path:
    """The interpreter of an environment with this release, made where there is none."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    place = folder / f"litert-{release}-python{version}"
    python = place / "bin" / "python"
    if python.exists():
        return python
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Its name is taken when it is whole; of two that make it at once the second's goes.
        made = Path(tempfile.mkdtemp(dir=folder, prefix="making-"))
        try:
            _install(release, made)
            if not place.exists():
                made.rename(place)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise SmartwattsError(f"cannot make {place}: {error.strerror or error}") from error
    return python


def _install(release: str, place: Path) -> None:
    packages = [f"{_PACKAGE}=={release}"]
    if release.startswith(tuple(f"{old}." for old in _BEFORE_NUMPY_2)):
        packages.append("numpy<2")
    pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    try:
        venv.create(place, with_pip=True, symlinks=True)
        subprocess.run(
            [place / "bin" / "python", *pip, "--only-binary", ":all:", *packages],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_INSTALL_S,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise SmartwattsError(f"LiteRT {release} is not installed after {_INSTALL_S} s") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr if isinstance(error.stderr, str) else ""
        raise SmartwattsError(
            f"LiteRT {release} cannot be installed: {_last_line(said) or error}",
            fix=f"a release of {_PACKAGE} with a wheel for this Python, and a registry in reach",
        ) from error


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else ""
