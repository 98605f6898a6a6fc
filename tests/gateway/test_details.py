"""What a gateway reads of a model file without this project: the contract that it was made for."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.files import JVM, model_file

pytestmark = pytest.mark.slow
CONTRACTS: dict[str, tuple[dict[str, Any], int]] = {
    "first": ({"kind": "anomaly"}, 1),
    "second": ({"kind": "anomaly", "contract": 2, "threshold": 0.5}, 2),
    "inner": ({"inputs": [{"contract": 7}], "kind": "contract"}, 1),
    "quoted": ({"a": '": {"contract": 5', "b": "\\", "contract": 2}, 2),
    "last": ({"contract": 3}, 3),
}


def checked(library: Path, knows: str, *files: Path) -> tuple[int, dict[str, str]]:
    command = [
        *JVM,
        "-cp",
        str(library),
        "smartwatts.ModelDetails",
        "--knows",
        knows,
        *map(str, files),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    lines = (line.split(": ", 1) for line in run.stdout.splitlines())
    return run.returncode, {Path(name).stem: said for name, said in lines}


def test_a_build_is_told_the_contract_of_each_file_and_refuses_what_the_app_does_not_know(
    library: Path, tmp_path: Path
) -> None:
    files = []
    for name, (details, _) in CONTRACTS.items():
        files.append(tmp_path / f"{name}.tflite")
        files[-1].write_bytes(model_file(details))
    code, said = checked(library, "1,2,3", *files)
    assert said == {name: f"contract {number}" for name, (_, number) in CONTRACTS.items()}
    assert code == 0
    code, said = checked(library, "1,2", *files)
    assert code == 1 and said["last"] == "contract 3, which is not among [1, 2]"
    assert checked(library, "1", files[0])[0] == 0
    assert checked(library, "one", files[0])[0] == 2


def test_what_is_damaged_or_of_others_is_refused(library: Path, tmp_path: Path) -> None:
    whole = model_file({"contract": 2, "kind": "nilm"})
    contents = {"empty": b"", "text": b"not a model at all", "others": model_file(None)}
    contents |= {f"cut{end}": whole[:end] for end in range(8, len(whole) - 16, 16)}
    for at in range(0, len(whole), 4):
        contents[f"wild{at}"] = whole[:at] + b"\xff\xff\xff\x7f" + whole[at + 4 :]
    files = [tmp_path / f"{name}.tflite" for name in contents]
    for file, content in zip(files, contents.values(), strict=True):
        file.write_bytes(content)
    code, said = checked(library, "2", *files, tmp_path / "gone.tflite")
    assert code == 1 and len(said) == len(files) + 1
    assert said["others"] == "no details: not a file of smartwatts"
    refused = [name for name, line in said.items() if not line.startswith("contract ")]
    assert {"empty", "text", "gone", *(name for name in said if "cut" in name)} <= set(refused)
