"""Whose the DAGs are, and where a click on the owner leads."""

from __future__ import annotations

from typing import Any

from smartwatts_airflow.addresses import base_url, models_page

__all__ = ["OWNED"]

_OWNER = "smartwatts"
OWNED: dict[str, Any] = {
    "default_args": {"owner": _OWNER},
    # Airflow takes no link without a host, which only its base_url knows.
    "owner_links": {_OWNER: models_page()} if base_url() else {},
}
