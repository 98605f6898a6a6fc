"""The kinds of models: every folder here that defines ``KIND``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.base import Kind, ModelSpec

__all__ = ["find_kind", "find_model", "kinds", "model_names"]


@cache
def kinds() -> dict[str, Kind]:
    """Every kind by name, sorted."""
    found = [
        importlib.import_module(f"{__name__}.{module.name}").KIND
        for module in pkgutil.iter_modules(__path__)
        if module.ispkg
    ]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.name)}


def model_names() -> tuple[str, ...]:
    """Names of all models that are kept in the store."""
    return tuple(spec.name for kind in kinds().values() for spec in kind.models())


def find_kind(name: str) -> Kind:
    """The kind of that name."""
    if name not in kinds():
        raise UsageError(f"no kind {name!r}", fix=f"one of {', '.join(kinds())}")
    return kinds()[name]


def find_model(name: str) -> tuple[Kind, ModelSpec]:
    """The kind and the specification of a model in the store."""
    for kind in kinds().values():
        for spec in kind.models():
            if spec.name == name:
                return kind, spec
    raise UsageError(f"no model {name!r}", fix=f"one of {', '.join(model_names())}")
