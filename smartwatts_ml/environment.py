"""Nothing that is set goes unread: a misspelt variable or table is an error."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Iterable
from functools import cache

from smartwatts_ml.configuration import (
    CONFIG_VARIABLE,
    PREFIX,
    TomlSettings,
    read_settings_file,
    settings_origin,
)
from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds import kinds
from smartwatts_ml.settings import Settings

__all__ = ["check_environment", "known_variables"]


_logger = logging.getLogger("smartwatts")


def _classes() -> list[type[TomlSettings]]:
    return [Settings, *(kind.settings_class for kind in kinds().values())]


@cache
def known_variables() -> frozenset[str]:
    """Every ``SMARTWATTS_*`` variable that means something."""
    return frozenset({CONFIG_VARIABLE}).union(*(cls.variables() for cls in _classes()))


def check_environment() -> None:
    """Raise UsageError on a ``SMARTWATTS_*`` variable, or a table of the settings file, that
    nothing reads. Logs where that file was found, since a task may start elsewhere."""
    _logger.info("settings: %s", settings_origin())
    _check("setting", (name for name in os.environ if name.startswith(PREFIX)), known_variables())
    tables = frozenset(cls.table for cls in _classes())
    _check(f"table in {settings_origin()}:", read_settings_file(), tables)


def _check(what: str, names: Iterable[str], known: frozenset[str]) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            fix = f"did you mean {near[0]}?" if near else None
            raise UsageError(f"unknown {what} {name}", fix=fix)
