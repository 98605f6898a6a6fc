"""Where the objects of a store lie.

Below ``models/`` is a repository of The Update Framework with consistent snapshots. All of
its objects are created once; ``timestamp.json`` alone is replaced.
"""

from __future__ import annotations

from typing import Final

from smartwatts_ml.names import check_model
from smartwatts_ml.pulling.layout import METADATA

__all__ = [
    "FILE_SUFFIX",
    "TIMESTAMP_KEY",
    "file_key",
    "file_name",
    "manifest_key",
    "metadata_key",
    "object_key",
    "statement_key",
]

TIMESTAMP_KEY: Final = f"{METADATA}timestamp.json"
FILE_SUFFIX: Final = ".tflite"


def metadata_key(role: str, version: int) -> str:
    """Where a version of a role's metadata is.

    >>> metadata_key("nilm", 17)
    'models/metadata/17.nilm.json'
    """
    return f"{METADATA}{version}.{role}.json"


def object_key(path: str) -> str:
    """Where a target is."""
    return f"models/{path}"


def file_name(model: str, version: int) -> str:
    """Name of a version's file.

    >>> file_name("forecasting_24h", 3)
    'forecasting_24h_v3.tflite'
    """
    return f"{model}_v{version}{FILE_SUFFIX}"


def file_key(model: str, version: int) -> str:
    """Where a version's file is."""
    return f"models/{check_model(model)}/{file_name(model, version)}"


def manifest_key(model: str, version: int) -> str:
    """Where a version's manifest is."""
    return f"models/{check_model(model)}/{model}_v{version}.json"


def statement_key(model: str, version: int) -> str:
    """Where the statement of the run that made a version is."""
    return f"models/{check_model(model)}/{model}_v{version}.intoto.jsonl"
