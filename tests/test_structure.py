"""The rules that keep the parts apart."""

from __future__ import annotations

import ast
import graphlib
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import LONGEST_FIRST
from tests.structure import (
    ABOVE,
    MODULES,
    PACKAGE,
    PACKAGES,
    ROOT,
    arrows,
    arrows_within,
    defined_names,
    exported_names,
    floors,
    imported_names,
    imports_of,
    is_registered,
    member,
    tree_of,
)

HEAVY = ("tensorflow", "keras", "pandas", "boto3", "duckdb", "pyarrow", "numpy")
KINDS = [name for name in PACKAGES if name.rpartition(".")[0] == f"{PACKAGE}.kinds"]
VAGUE = {"found", "one", "mine", "told", "of", "given"}
USERS = [
    path
    for folder in ("plugins", "dags", "scripts", "benchmarks", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circle_of_imports(package: str) -> None:
    graph: dict[str, set[str]] = {}
    for importing, imported in arrows_within(package):
        graph.setdefault(importing, set()).add(imported)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle = error.args[1]
        between = arrows_within(package)
        steps = [between[b, a] for a, b in itertools.pairwise(circle)]
        pytest.fail("; ".join(f"{a} imports {b}" for a, b in steps))


def room(module: str) -> str:
    """Where a module stands in the picture: each kind is a room of its own."""
    kind = next((kind for kind in KINDS if f"{module}.".startswith(f"{kind}.")), None)
    return "kinds/<kind>" if kind else member(PACKAGE, module)


def test_the_picture_shows_every_room_once() -> None:
    drawn = [room for floor in floors() for room in floor]
    assert sorted(drawn) == sorted({room(module) for module in MODULES if module != PACKAGE})


def test_imports_go_down_the_picture() -> None:
    height = {room: -n for n, floor in enumerate(floors()) for room in floor} | {"__init__": -99}
    upward = [
        f"{a} imports {b}"
        for a, b in arrows()
        if room(a) != room(b) and height[room(a)] <= height[room(b)]
    ]
    assert not upward


def test_the_gate_is_pure() -> None:
    allowed = ("gate", "scores", "errors", "jsontext", "counted")
    for module, imported in arrows():
        if module.startswith(f"{PACKAGE}.gate"):
            assert member(PACKAGE, imported) in allowed, f"{module} imports {imported}"
    for name, path in MODULES.items():
        if name.startswith(f"{PACKAGE}.gate"):
            assert not imports_of(path) & {"datetime", "time", "os", "pathlib", "tempfile", "io"}


def test_a_stage_never_imports_another_stage() -> None:
    stages = {
        f"{PACKAGE}.stages.{s}"
        for s in ("ingest", "train", "validate", "convert", "refit", "publish")
    }
    assert not [arrow for arrow in arrows() if set(arrow) <= stages]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_never_imports_another_kind_nor_what_judges_it(kind: str) -> None:
    others = tuple(f"{other}." for other in KINDS if other != kind)
    for module, imported in arrows():
        if f"{module}.".startswith(f"{kind}."):
            assert not f"{imported}.".startswith(others)


def test_nothing_outside_kinds_asks_which_kind_it_is() -> None:
    names = {kind.rpartition(".")[2] for kind in KINDS}
    for module, path in MODULES.items():
        if module.startswith(f"{PACKAGE}.kinds."):
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Compare):
                compared = {c.value for c in ast.walk(node) if isinstance(c, ast.Constant)}
                assert not compared & names, f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    "module", [PACKAGE, *KINDS, f"{PACKAGE}.stages", f"{PACKAGE}.commands.cli"]
)
def test_importing_stays_light(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_one_module_turns_wall_clocks_into_utc_and_back() -> None:
    """Others ask it, so that one table of changes speaks for all, and ``timezones`` what is in a
    name."""
    opening = {name for name, path in MODULES.items() if "zoneinfo" in imports_of(path)}
    assert opening == {f"{PACKAGE}.timezones", f"{PACKAGE}.localtime"}
    find = (f"{PACKAGE}.timezones", "find_zone")
    finding = {name for name, path in MODULES.items() if find in set(imported_names(path))}
    assert finding == {
        f"{PACKAGE}.localtime",
        f"{PACKAGE}.readings.site_clocks",  # whether there is one of a name that is kept
        f"{PACKAGE}.readings.source_check",  # likewise, of a name that a source says
    }


def test_imports_stand_at_the_top() -> None:
    inside = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in [*MODULES.values(), *USERS]
        if ROOT / "tests" not in path.parents
        for function in ast.walk(tree_of(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not inside


def test_names_that_load_lazily_are_there() -> None:
    """``module:name`` in a string is how a heavy module is named without importing it."""
    lazy = re.compile(r"((?:smartwatts_ml|smartwatts_airflow)(?:\.\w+)+):(\w+)")
    modules = MODULES | ABOVE
    for path in modules.values():
        for module, name in lazy.findall(path.read_text()):
            assert name in defined_names(modules[module]), f"{path}: {module}:{name}"


@pytest.mark.parametrize("module", MODULES)
def test_modules_stay_short(module: str) -> None:
    assert len(MODULES[module].read_text().splitlines()) <= 300


def test_what_another_module_imports_is_public() -> None:
    modules = MODULES | ABOVE
    private = [
        f"{path.relative_to(ROOT)} imports {name} of {module}"
        for path in [*MODULES.values(), *USERS]
        for module, name in imported_names(path)
        if name and module in modules and name not in (exported_names(modules[module]) or ())
    ]
    assert not private


@pytest.mark.parametrize("module", MODULES)
def test_what_is_public_is_there(module: str) -> None:
    path = MODULES[module]
    imported = {name for _, name in imported_names(path)}
    assert (exported_names(path) or set()) <= {*defined_names(path), *imported}


def _used_names() -> set[str]:
    """What one module gets of others: ``module.name`` where it is imported, ``module:name``, of
    which the last part of the module counts, where it is named in a string, and ``.name`` where it
    is an attribute of something, or is set for a test."""
    used: set[str] = set()
    for path in [*MODULES.values(), *USERS]:
        used |= {f"{module}.{name}" if name else module for module, name in imported_names(path)}
        used |= {f"{m}:{name}" for m, name in re.findall(r"(\w+):(\w+)", path.read_text())}
        used |= {f".{name}" for name in re.findall(r'setattr\(\w+, "(\w+)"', path.read_text())}
        used |= {f".{n.attr}" for n in ast.walk(tree_of(path)) if isinstance(n, ast.Attribute)}
    return used


def _signed_names(path: Path) -> set[str]:
    """Names in annotations of what is public: they cross with it, though nobody imports them."""
    public = exported_names(path) or set()
    return {
        name.id
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in public
        for part in ast.walk(node)
        for note in (getattr(part, "annotation", None), getattr(part, "returns", None))
        if note
        for name in ast.walk(note)
        if isinstance(name, ast.Name) and name.id != node.name
    }


def test_what_is_public_is_used_elsewhere() -> None:
    used = _used_names()
    unused = [
        f"{module}: {name}"
        for module, path in MODULES.items()
        for name in exported_names(path) or ()
        if not used & {f"{module}.{name}", f"{module.rpartition('.')[2]}:{name}", f".{name}"}
        and name not in _signed_names(path)
        and not is_registered(path, name)
    ]
    assert not unused


def test_what_is_not_public_has_an_underscore() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in [*MODULES.values(), *ABOVE.values()]
        for name, line in defined_names(path).items()
        if not name.startswith("_") and name not in (exported_names(path) or ())
    ]
    assert not bare


def _named_by(node: ast.AST) -> str:
    """The name that a node gives to something; empty where it gives none."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.arg):
        return node.arg
    return node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else ""


def test_names_say_what_they_hold() -> None:
    vague = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in [*MODULES.values(), *ABOVE.values()]
        for node in ast.walk(tree_of(path))
        if (name := _named_by(node)) in VAGUE
    ]
    assert not vague
    assert not {path.stem for path in [*MODULES.values(), *ABOVE.values()]} & (
        VAGUE | {"said", "small"}
    )


def test_a_class_has_a_name_of_its_own() -> None:
    """One name for one thing; what each kind has stands in a room of the kind's own."""
    seen: dict[str, str] = {}
    for module, path in MODULES.items():
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert node.name not in seen, f"{node.name}: {module} and {seen[node.name]}"
                seen[node.name] = module


def test_the_files_that_are_begun_first_are_there() -> None:
    assert [name for name in LONGEST_FIRST if not (ROOT / "tests" / name).is_file()] == []
