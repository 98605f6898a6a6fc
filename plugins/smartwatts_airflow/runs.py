"""How an Airflow run is called in the root."""

from __future__ import annotations

import hashlib
import re

__all__ = ["run_key"]


def run_key(dag_id: str, dag_run_id: str) -> str:
    """Name of a run in the root: a readable path segment, different for different runs.

    >>> run_key("retrain_weekly", "manual__2026-11-22T02:00:00+00:00")
    'retrain_weekly-manual__2026-11-22T02-00-00-00-00-78da7a82'
    """
    readable = re.sub(r"[^A-Za-z0-9_]+", "-", f"{dag_id}-{dag_run_id}").strip("-")[:100]
    digest = hashlib.sha256(f"{dag_id}/{dag_run_id}".encode()).hexdigest()
    return f"{readable}-{digest[:8]}"
