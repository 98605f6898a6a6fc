"""An app tries a new file on its own runtime, by the golden vectors of the manifest beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.modelfiles.golden import needs_of
from smartwatts_ml.store.canonical import without_floats
from tests.gateway.files import EXAMPLES, JVM, compile_java
from tests.modelfiles.litert_files import NEG, kettle_file

pytestmark = pytest.mark.slow


def test_a_file_is_told_from_one_that_computes_something_else(
    library: Path, tmp_path: Path
) -> None:
    compile_java(
        tmp_path,
        Path(__file__).with_name("Golden.java"),
        EXAMPLES / "PythonModel.java",
        classes=library,
    )
    runtime: Any = without_floats(asdict(needs_of(kettle_file())))
    empty: Any = {"vectors": [], "tolerances": {}}
    odd = runtime | {"tolerances": {"power_w": "inf", "on_probability": "inf"}}

    def said(content: bytes, needs: Any) -> str:
        file, manifest = tmp_path / "nilm.tflite", tmp_path / "nilm.json"
        file.write_bytes(content)
        manifest.write_text(json.dumps({"model": "nilm", "runtime": needs}))
        server = [sys.executable, str(EXAMPLES / "model_server.py"), str(file)]
        command = [*JVM, "-cp", f"{tmp_path}:{library}", "Golden", str(manifest), *server]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        return done.stdout if done.returncode == 0 else done.stderr

    assert said(kettle_file(), runtime) == "as it should\n"
    assert "something else than its golden vectors: power_w" in said(kettle_file(NEG), runtime)
    assert "without golden vectors" in said(kettle_file(), None)
    for needs in (empty, odd, {"vectors": 3}):
        assert "golden vectors are damaged" in said(kettle_file(), needs)
