"""The rules that keep the parts apart."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "smartwatts_ml"
HEAVY = ("tensorflow", "keras", "pandas", "boto3", "duckdb", "pyarrow")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def modules(folder: str) -> list[Path]:
    return sorted((PACKAGE / folder).rglob("*.py"))


def kind_folders() -> list[Path]:
    return [p for p in (PACKAGE / "kinds").iterdir() if (p / "__init__.py").exists()]


@pytest.mark.parametrize("stage", ["ingest", "train", "validate", "convert", "publish"])
def test_a_stage_never_imports_another_stage(stage: str) -> None:
    others = {
        f"smartwatts_ml.stages.{name}"
        for name in ("ingest", "train", "validate", "convert", "publish", "branch", "tasks")
        if name != stage
    }
    assert not imports_of(PACKAGE / "stages" / f"{stage}.py") & others


@pytest.mark.parametrize("folder", kind_folders(), ids=lambda p: p.name)
def test_a_kind_never_imports_another_kind_nor_a_stage(folder: Path) -> None:
    others = tuple(
        f"smartwatts_ml.kinds.{other.name}" for other in kind_folders() if other != folder
    )
    for path in folder.rglob("*.py"):
        for name in imports_of(path):
            assert not name.startswith((*others, "smartwatts_ml.stages", "smartwatts_ml.store"))


def test_nothing_outside_kinds_asks_which_kind_it_is() -> None:
    names = {folder.name for folder in kind_folders()}
    for path in PACKAGE.rglob("*.py"):
        if PACKAGE / "kinds" in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                compared = {c.value for c in ast.walk(node) if isinstance(c, ast.Constant)}
                assert not compared & names, f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    "module",
    [
        "smartwatts_ml",
        "smartwatts_ml.kinds.nilm",
        "smartwatts_ml.kinds.forecasting",
        "smartwatts_ml.kinds.anomaly",
        "smartwatts_ml.stages.order",
        "smartwatts_ml.cli",
    ],
)
def test_importing_stays_light(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.name))
def test_modules_stay_short_and_export_what_they_say(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    tree = ast.parse(text)
    defined = {
        name
        for node in tree.body
        for name in (
            [node.name]
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
            else [t.id for t in node.targets if isinstance(t, ast.Name)]
            if isinstance(node, ast.Assign)
            else [node.target.id]
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
            else [a.asname or a.name for a in node.names]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            assert set(ast.literal_eval(node.value)) <= defined
