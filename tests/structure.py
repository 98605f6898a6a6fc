"""What the code says of its own structure: imports between modules, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "smartwatts_ml"


def _modules(folder: str, top: Path) -> dict[str, Path]:
    """Files below a folder by the names under which they are imported from ``top``."""
    return {
        ".".join(path.relative_to(top).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


MODULES = _modules(PACKAGE, ROOT)
ABOVE = _modules("plugins", ROOT / "plugins") | _modules("scripts", ROOT)
"""What stands above the package and has private parts of its own."""
PACKAGES = [name for name, path in MODULES.items() if path.name == "__init__.py"]
Arrow = tuple[str, str]
"""The importing and the imported module."""


@cache
def tree_of(path: Path) -> ast.Module:
    """The parsed source of a file."""
    return ast.parse(path.read_text())


def imported_names(path: Path) -> Iterator[tuple[str, str | None]]:
    """Module and name of each import, wherever it stands; the name is None for ``import m``."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole, None) if whole in MODULES | ABOVE else (node.module, alias.name)


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Every module that a file imports."""
    return frozenset(module for module, _ in imported_names(path))


@cache
def arrows() -> tuple[Arrow, ...]:
    """Every import of one module of the package by another."""
    return tuple(
        (name, module)
        for name, path in MODULES.items()
        for module in imports_of(path)
        if module in MODULES and module != name
    )


def member(package: str, module: str) -> str:
    """The direct part of a package that a module is in, or is."""
    return module.removeprefix(package).lstrip(".").partition(".")[0] or "__init__"


def arrows_within(package: str) -> dict[Arrow, Arrow]:
    """Imports between the direct parts of a package, each with one import that makes it."""

    def inside(module: str) -> bool:
        return module == package or module.startswith(package + ".")

    between = {
        (member(package, a), member(package, b)): (a, b)
        for a, b in arrows()
        if inside(a) and inside(b)
    }
    return {arrow: example for arrow, example in between.items() if arrow[0] != arrow[1]}


def floors() -> list[list[str]]:
    """The picture in docs/architecture.md: rooms by floor, the top one first."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    block = text.partition("```floors\n")[2].partition("```")[0]
    return [line.partition("  ")[0].split() for line in block.splitlines() if line.strip()]


def defined_names(path: Path) -> dict[str, int]:
    """Names that a module defines at its top level, with their lines."""
    names: dict[str, int] = {}
    for node in tree_of(path).body:
        for name in _names_of(node):
            names.setdefault(name, node.lineno)
    return names


def _names_of(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def exported_names(path: Path) -> set[str] | None:
    """What ``__all__`` of a module says; None where it has none."""
    for node in tree_of(path).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return set(ast.literal_eval(node.value))
    return None


def is_registered(path: Path, name: str) -> bool:
    """Whether a decorator hands a function on: to the command line, to Airflow."""
    return any(
        isinstance(node, ast.FunctionDef) and node.name == name and node.decorator_list
        for node in tree_of(path).body
    )
