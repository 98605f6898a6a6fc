"""``make tuf-conformance SUITE=FOLDER``: both pullers as clients under test of tuf-conformance.

FOLDER is a checkout of github.com/theupdateframework/tuf-conformance. Needs a JDK, and faketime for
what a clock says. Prints what passed and which failures are expected, and why.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parent.parent
_PULLERS = _REPOSITORY / "tests" / "store"
_EXPECTED = {
    "test_timestamp_content_changes": "of a version that was pulled there is no second one: the"
    " suite lets a client go on with the one it has, ours refuses",
}
_JAVA = (
    "#!/bin/sh\nexec env DONT_FAKE_MONOTONIC=1 java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    ' -XX:-UsePerfData -Xshare:auto -cp "{classes}" TufConformance "$@"\n'
)
_PYTHON = (
    '#!/bin/sh\ncd "{repository}" && exec "{python}" -m tests.store.tuf_conformance_client "$@"\n'
)


def _main() -> int:
    suite = Path(sys.argv[1] if len(sys.argv) > 1 else "")
    if not (suite / "tuf_conformance" / "conftest.py").is_file():
        sys.stderr.write(f"{suite} is no checkout of tuf-conformance\n")
        return 2
    missing = [name for name in ("javac", "faketime") if shutil.which(name) is None]
    if missing:
        sys.stderr.write(f"not on this machine: {', '.join(missing)}\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        clients = _clients(Path(folder))
        ended = [_run(suite.resolve(), name, path) for name, path in clients.items()]
    return max(ended)


def _clients(folder: Path) -> dict[str, Path]:
    """An executable of each puller, and beside it the names of what is expected to fail."""
    classes = folder / "classes"
    sources = [_REPOSITORY / "gateway" / "SmartWattsPull.java"]
    sources.append(_PULLERS / "pullers" / "TufConformance.java")
    subprocess.run(["javac", "-d", classes, *sources], check=True)
    texts = {
        "java": _JAVA.format(classes=classes),
        "python": _PYTHON.format(repository=_REPOSITORY, python=sys.executable),
    }
    clients = {}
    for name, text in texts.items():
        clients[name] = folder / name
        clients[name].write_text(text)
        clients[name].chmod(0o755)
        (folder / f"{name}.xfails").write_text("\n".join(_EXPECTED) + "\n")
    return clients


def _run(suite: Path, name: str, client: Path) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-rx", "-p", "no:cacheprovider"]
    command += [str(suite / "tuf_conformance"), "--rootdir", str(suite)]
    environment = {**os.environ, "PYTHONPATH": str(suite)}
    done = subprocess.run(
        [*command, "--entrypoint", str(client)],
        cwd=suite,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    shown = lines if done.returncode else lines[-1:]
    sys.stdout.write(f"{name}: " + "\n".join(shown) + "\n")
    for test, why in _EXPECTED.items():
        if re.search(rf"^XFAIL .*::{test}\b", done.stdout, re.MULTILINE):
            sys.stdout.write(f"    expected to fail: {test}: {why}\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(_main())
