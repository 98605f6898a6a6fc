"""What a model, or a kind of models, can be called: it names folders, files and settings."""

from __future__ import annotations

import re

from smartwatts_ml.errors import UsageError

__all__ = ["check_model", "is_model"]

_MODEL_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_RESERVED = ("metadata", "root", "targets", "snapshot", "timestamp")
"""What a store has of its own: a folder, and roles."""


def is_model(name: str) -> bool:
    """Whether a model can be called so.

    >>> is_model("nilm"), is_model("../nilm"), is_model("root")
    (True, False, False)
    """
    return _MODEL_NAME.fullmatch(name) is not None and name not in _RESERVED


def check_model(model: str) -> str:
    """The name itself, if a model can be called so. Raises UsageError."""
    if not is_model(model):
        raise UsageError(f"{model!r} is not a model's name", fix="e.g. nilm or forecasting_24h")
    return model
