"""What this project tells Airflow's other DAGs: a model has another champion.

A DAG with ``schedule=Asset("smartwatts/nilm")`` runs after each publish and each rollback
of nilm; the event's ``extra`` says which version, why, and how well it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset, AssetAlias, get_current_context

from smartwatts_airflow.addresses import model_page
from smartwatts_airflow.context import root
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.notify import ACTIONS

__all__ = ["CHAMPIONS", "announce"]

CHAMPIONS = AssetAlias("smartwatts-champions", group="smartwatts")
"""Stands for whichever model's asset a task turns out to change."""


def announce(change: Mapping[str, Any]) -> None:
    """Attach an event of the model's asset to the current task, unless the champion is as before;
    it counts if that succeeds. ``change``: as ``tasks.change_of_champion`` has it."""
    model = change["model"]
    asset = Asset(f"smartwatts/{model}", group="smartwatts")
    extra = {**change, "action": ACTIONS[change["action"]], "page": model_page(model)}
    if change["action"] in ("promote", "rollback", "force"):
        get_current_context()["outlet_events"][CHAMPIONS].add(asset, extra=extra)
    tasks.note_change(root(), model, change["serial"])
