"""Nothing that is set goes unread: a misspelt variable or table is an error."""

from __future__ import annotations

import logging
import os
from functools import cache

from smartwatts_ml.kinds import kinds, model_names
from smartwatts_ml.settings import Settings
from smartwatts_ml.settings.airflow import ALL_MODELS, names_in
from smartwatts_ml.settings.base import (
    CONFIG_VARIABLE,
    PREFIX,
    TomlSettings,
    check_names,
    read_settings_file,
    settings_origin,
)

__all__ = ["PULL_TOKEN_VARIABLE", "check_environment", "known_variables"]

PULL_TOKEN_VARIABLE = f"{PREFIX}PULL_TOKEN"
"""Holds a token that `smartwatts models pull` sends to a web server."""


_logger = logging.getLogger("smartwatts")


def _classes() -> list[type[TomlSettings]]:
    return [Settings, *(kind.settings_class for kind in kinds().values())]


@cache
def known_variables() -> frozenset[str]:
    """Every ``SMARTWATTS_*`` variable that means something."""
    return frozenset({CONFIG_VARIABLE, PULL_TOKEN_VARIABLE}).union(
        *(cls.variables() for cls in _classes())
    )


def check_environment() -> None:
    """Raise UsageError on a ``SMARTWATTS_*`` variable, or a table or key of the settings file,
    that nothing reads or that is not spelt as it is, and on a model to be approved that there is
    not. Logs where that file was found, since a task may start elsewhere."""
    _logger.info("settings: %s", settings_origin())
    variables = (name for name in os.environ if name.upper().startswith(PREFIX))
    check_names("setting", variables, known_variables())
    tables = {cls.table for cls in _classes()}
    check_names(f"table in {settings_origin()}:", read_settings_file(), tables)
    for cls in _classes():
        cls.read_table()
    approval = os.environ.get(f"{PREFIX}APPROVAL", Settings.read_table().get("approval", ""))
    models = (*model_names(), ALL_MODELS)
    check_names("model in SMARTWATTS_APPROVAL:", sorted(names_in(str(approval))), models)
