"""The gate is pure: what it decides follows from what it is given, and from nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import smartwatts_ml.gate

MODULES = sorted(Path(smartwatts_ml.gate.__file__).parent.glob("*.py"))
OWN = tuple(f"smartwatts_ml.{room}" for room in ("gate", "scores", "errors", "counted"))
PURE = {
    "__future__",
    "collections",
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "math",
    "typing",
}
NUMBERS = {"numpy", "pydantic", "scipy"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.name))
def test_the_gate_knows_no_file_no_clock_no_store_and_no_kind(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text())):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        for name in names:
            own = name.startswith(OWN)
            assert own or name.split(".")[0] in PURE | NUMBERS, f"{module.name} imports {name}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "print", "input"), f"{module}:{node.lineno}"
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("load", "save", "fromfile"), f"{module}:{node.lineno}"
