"""Model files for a gateway, and its library as classes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smartwatts_ml.modelfiles.litert import embed_details

GATEWAY = Path(__file__).parents[2] / "gateway"
LIBRARY = GATEWAY / "runtime"
EXAMPLES = GATEWAY / "examples"


JVM = ("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData")
_QUICK = tuple(f"-J{option}" for option in JVM[1:])


def model_file(details: Mapping[str, Any] | None) -> bytes:
    """A file without a graph."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    empty = schema.ModelT()
    empty.version, empty.subgraphs, empty.buffers = 3, [], [schema.BufferT()]
    empty.operatorCodes, empty.signatureDefs, empty.metadata = [], [], []
    builder = flatbuffers.Builder(256)
    builder.Finish(empty.Pack(builder), file_identifier=b"TFL3")
    content = bytes(builder.Output())
    return content if details is None else embed_details(content, details)


def compile_java(folder: Path, *sources: Path, classes: Path | None = None) -> None:
    """For the JDK of Android 8, without a warning."""
    path = ["-cp", str(classes)] if classes else []
    rules = ["--release", "8", "-Xlint:all", "-Xlint:-options", "-Werror", "-proc:none"]
    command = ["javac", *_QUICK, *rules, *path, "-d", str(folder), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
