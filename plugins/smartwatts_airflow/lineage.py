"""Which snapshot of the readings a version of a model is made of, told to OpenLineage where
Airflow's provider of it is installed and on; else nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import Any
from urllib.parse import urlsplit

from smartwatts_airflow.lazily import observed
from smartwatts_ml.errors import SmartwattsError

__all__ = ["dataset_of", "tell_ingested", "tell_published"]

_log = logging.getLogger(__name__)
_PROVIDER = "airflow.providers.openlineage"


def tell_ingested(root: str, done: Mapping[str, Any]) -> None:
    """The current task made a snapshot of the readings. ``done``: as ``ingest_stage`` gives it."""
    if _is_told():
        snapshot = done["snapshot"]["version"]
        _tell([], [_dataset("Output", observed.readings_address(root), snapshot)])


def tell_published(root: str, model: str, version: int) -> None:
    """The current task put this version in force. What cannot be read is logged: it is in force
    all the same."""
    if not _is_told():
        return
    try:
        made: Mapping[str, Any] = observed.made_of(root, model, version)
    except (SmartwattsError, OSError) as error:
        _log.warning("OpenLineage is not told of %s v%s: %s", model, version, error)
        return
    _tell(
        [_dataset("Input", made["readings"], made["snapshot"])],
        [_dataset("Output", made["model"], version)],
    )


def dataset_of(address: str) -> tuple[str, str]:
    """Namespace and name of what lies at an address, as OpenLineage names such things.

    >>> dataset_of("s3://bucket/prefix/readings")
    ('s3://bucket', 'prefix/readings')
    >>> dataset_of("/srv/smartwatts/readings")
    ('file', '/srv/smartwatts/readings')
    """
    parts = urlsplit(address)
    if parts.scheme == "s3":
        return f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/")
    return "file", parts.path


def _is_told() -> bool:
    if find_spec(_PROVIDER) is None:
        return False
    try:
        active: bool = resolve_name(f"{_PROVIDER}.api:is_openlineage_active")()
        active = active and bool(resolve_name(f"{_PROVIDER}.api:emit_dataset_lineage"))
    except (ImportError, AttributeError) as error:
        _log.warning("OpenLineage is not active: its provider is too old or not whole: %s", error)
        return False
    return active


def _dataset(kind: str, address: str, version: int) -> Any:
    namespace, name = dataset_of(address)
    facet = resolve_name("openlineage.client.facet_v2:dataset_version_dataset")
    facets = {"version": facet.DatasetVersionDatasetFacet(datasetVersion=str(version))}
    made = resolve_name(f"openlineage.client.event_v2:{kind}Dataset")
    return made(namespace=namespace, name=name, facets=facets)


def _tell(inputs: list[Any], outputs: list[Any]) -> None:
    """As an event of the current task's run. The provider logs what it cannot deliver."""
    resolve_name(f"{_PROVIDER}.api:emit_dataset_lineage")(inputs=inputs, outputs=outputs)
