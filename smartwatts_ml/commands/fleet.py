"""``smartwatts fleet``: which versions run where, who is behind, silent, or failed to load."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from smartwatts_ml.commands.common import JsonOption, RootOption, open_objects, print_json
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.fleet.beacons import BEACONS, existing_beacons
from smartwatts_ml.fleet.served import served_by
from smartwatts_ml.fleet.status import HeardGateway, ModelStatus, State, fleet_status
from smartwatts_ml.jsontext import plain
from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import open_store

__all__ = ["fleet"]

_SHOWN = 20
_VERSIONS_SHOWN = 4


class _Which(StrEnum):
    behind = "behind"
    silent = "silent"
    failed = "failed"
    unknown = "unknown"
    current = "current"


def fleet(
    model: Annotated[
        str | None, typer.Option("--model", help="Only this model.", show_default=False)
    ] = None,
    which: Annotated[
        _Which | None,
        typer.Option("--state", help="List every gateway of which that is so.", show_default=False),
    ] = None,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which versions run where, who is behind, who is silent, who failed to load.

    From the beacons that gateways send.

    Example: smartwatts fleet --model nilm --state failed
    """
    objects, current = open_objects(root, writable=False)
    statuses = [s for s in _fleet_now(objects, current) if model in (None, s.model)]
    if as_json:
        names = site_names(objects, current).pseudonym if statuses else str
        print_json([_narrowed(status, which, names) for status in statuses])
        return
    if not any(status.gateways for status in statuses):
        err.print(
            f"no beacon yet: put files of them into {objects.uri(BEACONS.landing[:-1])}, then run "
            "`smartwatts ingest` (docs/fleet.md)",
            soft_wrap=True,
        )
        return
    out.print(_models_table(statuses))
    listed = [
        gateway
        for status in statuses
        for gateway in status.gateways
        if (gateway.state == which if which else gateway.state != "current")
    ]
    if listed:
        shown = listed if which else listed[:_SHOWN]
        out.print(_gateways_table(shown))
        if len(shown) < len(listed):
            out.print(f"… and {len(listed) - len(shown):,} more; --state or --json tells all")


def _fleet_now(objects: Objects, current: Settings) -> list[ModelStatus]:
    """The fleet as beacons that were ingested have it; empty where there are none."""
    table = existing_beacons(objects)
    if table is None:
        return []
    return fleet_status(table, served_by(open_store(objects, current)), current, datetime.now(UTC))


def _narrowed(
    status: ModelStatus, which: _Which | None, pseudonym: Callable[[str], str]
) -> dict[str, object]:
    """``pseudonym`` of each gateway is what the page and messages call it."""
    gateways = [
        plain(gateway) | {"pseudonym": pseudonym(gateway.gateway)}
        for gateway in status.gateways
        if which in (None, gateway.state)
    ]
    return status.to_json() | {"gateways": gateways}


def _models_table(statuses: list[ModelStatus]) -> Table:
    table = Table(
        "model", "in force", "since", "gateways", "run", "behind", "silent", "failed", "?"
    )
    for status in statuses:
        served, states = status.served, status.states
        numbers: tuple[State, ...] = ("behind", "silent", "failed", "unknown")
        table.add_row(
            status.model,
            f"v{served.version}" if served else "–",
            f"{served.since:%Y-%m-%d}" if served else "",
            f"{len(status.gateways):,}",
            _versions(status.versions),
            *(f"{states.get(state, 0):,}" if states.get(state) else "" for state in numbers),
        )
    return table


def _versions(versions: dict[int, int]) -> str:
    shown = [f"v{v} {count:,}" for v, count in list(versions.items())[:_VERSIONS_SHOWN]]
    rest = sum(list(versions.values())[_VERSIONS_SHOWN:])
    return " · ".join([*shown, *([f"older {rest:,}"] if rest else [])])


def _gateways_table(gateways: list[HeardGateway]) -> Table:
    table = Table("gateway", "model", "state", "runs", "heard", "runtime", "why")
    for gateway in gateways:
        table.add_row(
            gateway.gateway,
            gateway.model,
            gateway.state,
            f"v{gateway.version}" if gateway.version else "–",
            f"{gateway.heard:%Y-%m-%d %H:%M}",
            gateway.runtime,
            _why(gateway),
        )
    return table


def _why(gateway: HeardGateway) -> str:
    if gateway.failing is None:
        return ""
    return f"v{gateway.failing} did not load{gateway.trouble and ': ' + gateway.trouble}"
