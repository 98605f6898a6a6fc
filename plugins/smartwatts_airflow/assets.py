"""What this project tells Airflow's DAGs, as events of assets in the group ``smartwatts``.

asset                   an event
smartwatts/<model>      for each publish and each rollback of the model: its ``extra`` says which
                        version, why, and how well it does
smartwatts/readings     for each batch of files that was ingested: ``extra`` has its counts
smartwatts/new-readings once there are enough for a retraining; starts ``retrain_on_new_readings``
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset, AssetAlias, AssetWatcher, get_current_context

from smartwatts_airflow.addresses import model_page
from smartwatts_airflow.context import root
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.notify import ACTIONS
from smartwatts_airflow.trigger import NewReadingsTrigger
from smartwatts_ml.kinds import model_names
from smartwatts_ml.settings import settings

__all__ = [
    "CHANGED_CHAMPION",
    "CHAMPIONS",
    "NEW_READINGS",
    "READINGS",
    "announce",
    "announce_ingested",
    "champion_of",
    "new_readings_for",
]

_GROUP = "smartwatts"
_COUNTS = ("accepted", "rejected", "left", "unchanged", "replaced")

CHANGED_CHAMPION = AssetAlias("smartwatts-champions", group=_GROUP)
"""Stands for whichever model's asset a task turns out to change."""
READINGS = Asset("smartwatts/readings", group=_GROUP)
"""The table of readings."""
NEW_READINGS = "smartwatts/new-readings"
"""Another asset than the table, or each ingest would start a run."""


def champion_of(model: str) -> Asset:
    """The version of the model that is in force."""
    return Asset(f"smartwatts/{model}", group=_GROUP)


CHAMPIONS = tuple(map(champion_of, model_names()))


def new_readings_for(dag_id: str) -> Asset:
    """What the DAG is scheduled on: enough new readings, watched for in the triggerer."""
    current = settings()
    trigger = NewReadingsTrigger(current.root, dag_id, current.poke_seconds)
    watcher = AssetWatcher(name="root", trigger=trigger)
    return Asset(NEW_READINGS, group=_GROUP, watchers=[watcher])


def announce_ingested(done: Mapping[str, Any]) -> None:
    """Say in the current task's event of the table what a batch came to. ``done``: as
    ``tasks.ingest_stage`` gives it."""
    counts = {name: done[name] for name in _COUNTS if name in done}
    get_current_context()["outlet_events"][READINGS].extra = counts


def announce(change: Mapping[str, Any]) -> None:
    """Attach an event of the model's asset to the current task, unless the champion is as before;
    it counts if that succeeds. ``change``: as ``tasks.change_of_champion`` has it."""
    model = change["model"]
    extra = {**change, "action": ACTIONS[change["action"]], "page": model_page(model)}
    if change["action"] in ("promote", "rollback", "force"):
        changed = get_current_context()["outlet_events"][CHANGED_CHAMPION]
        changed.add(champion_of(model), extra=extra)
    tasks.note_change(root(), model, change["serial"])
