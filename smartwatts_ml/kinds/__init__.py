"""The kinds of models: every folder here that defines ``KIND``, and those of other
distributions, as entry points of the group ``smartwatts.kinds``.

A kind from outside that cannot be loaded, lacks something or takes what is another's is left
out: the others work on. A warning tells it, and so does whoever asks for it by name.
"""

from __future__ import annotations

import logging
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.base import Kind, ModelSpec
from smartwatts_ml.kinds.outside import load_kind

__all__ = ["find_kind", "find_model", "kinds", "model_names"]

_ENTRY_POINTS = "smartwatts.kinds"


@cache
def kinds() -> dict[str, Kind]:
    """Every kind by name, sorted."""
    return _all_kinds()[0]


@cache
def _all_kinds() -> tuple[dict[str, Kind], dict[str, str]]:
    """The kinds, and of each that was left out, by its entry point's name, the reason."""
    by_name = {
        module.name: pkgutil.resolve_name(f"{__name__}.{module.name}:KIND")
        for module in pkgutil.iter_modules(__path__)
        if module.ispkg
    }
    left_out: dict[str, str] = {}
    for entry in sorted(entry_points(group=_ENTRY_POINTS), key=_origin):
        try:
            kind = load_kind(entry, by_name.values())
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever another distribution raises
            reason = f"kind {entry.name!r} of {_origin(entry)} is left out: {error!r}"
            logging.getLogger("smartwatts").warning(reason)
            left_out[entry.name] = reason
        else:
            by_name[kind.name] = kind
    return dict(sorted(by_name.items())), left_out


def _origin(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def model_names() -> tuple[str, ...]:
    """Names of all models that are kept in the store."""
    return tuple(spec.name for kind in kinds().values() for spec in kind.models())


def find_kind(name: str) -> Kind:
    """The kind of that name."""
    if name not in kinds():
        raise UsageError(
            _all_kinds()[1].get(name, f"no kind {name!r}"), fix=f"one of {', '.join(kinds())}"
        )
    return kinds()[name]


def find_model(name: str) -> tuple[Kind, ModelSpec]:
    """The kind and the specification of a model in the store."""
    for kind in kinds().values():
        for spec in kind.models():
            if spec.name == name:
                return kind, spec
    raise UsageError(f"no model {name!r}", fix=f"one of {', '.join(model_names())}")
