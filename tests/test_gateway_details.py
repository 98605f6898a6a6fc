"""What a gateway reads of a model file without this project: the contract that it was made for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.modelfiles.litert import embed_details

SOURCE = Path(__file__).parents[1] / "gateway" / "ModelDetails.java"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK on this machine"),
]
CONTRACTS: dict[str, tuple[dict[str, Any], int]] = {
    "first": ({"kind": "anomaly"}, 1),
    "second": ({"kind": "anomaly", "contract": 2, "threshold": 0.5}, 2),
    "inner": ({"inputs": [{"contract": 7}], "kind": "contract"}, 1),
    "quoted": ({"a": '": {"contract": 5', "b": "\\", "contract": 2}, 2),
    "last": ({"contract": 3}, 3),
}


def model(details: dict[str, Any] | None) -> bytes:
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


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-d", str(folder), str(SOURCE)], check=True, timeout=120)
    return folder


def checked(compiled: Path, knows: str, *files: Path) -> tuple[int, dict[str, str]]:
    command = ["java", "-cp", str(compiled), "ModelDetails", "--knows", knows, *map(str, files)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    lines = (line.split(": ", 1) for line in run.stdout.splitlines())
    return run.returncode, {Path(name).stem: said for name, said in lines}


def test_a_build_is_told_the_contract_of_each_file_and_refuses_what_the_app_does_not_know(
    compiled: Path, tmp_path: Path
) -> None:
    files = []
    for name, (details, _) in CONTRACTS.items():
        files.append(tmp_path / f"{name}.tflite")
        files[-1].write_bytes(model(details))
    code, said = checked(compiled, "1,2,3", *files)
    assert said == {name: f"contract {number}" for name, (_, number) in CONTRACTS.items()}
    assert code == 0
    code, said = checked(compiled, "1,2", *files)
    assert code == 1 and said["last"] == "contract 3, which is not among [1, 2]"
    assert checked(compiled, "1", files[0])[0] == 0
    assert checked(compiled, "one", files[0])[0] == 2


def test_what_is_damaged_or_of_others_is_refused(compiled: Path, tmp_path: Path) -> None:
    whole = model({"contract": 2, "kind": "nilm"})
    contents = {"empty": b"", "text": b"not a model at all", "others": model(None)}
    contents |= {f"cut{end}": whole[:end] for end in range(8, len(whole) - 16, 16)}
    for at in range(0, len(whole), 4):
        contents[f"wild{at}"] = whole[:at] + b"\xff\xff\xff\x7f" + whole[at + 4 :]
    files = [tmp_path / f"{name}.tflite" for name in contents]
    for file, content in zip(files, contents.values(), strict=True):
        file.write_bytes(content)
    code, said = checked(compiled, "2", *files, tmp_path / "gone.tflite")
    assert code == 1 and len(said) == len(files) + 1
    assert said["others"] == "no details: not a file of smartwatts"
    refused = [name for name, line in said.items() if not line.startswith("contract ")]
    assert {"empty", "text", "gone", *(name for name in said if "cut" in name)} <= set(refused)
