"""``smartwatts watch``: whether what was published does harm, and taking it back if it does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from smartwatts_ml.commands.common import JsonOption, RootOption, open_objects, print_json
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.errors import StoreError
from smartwatts_ml.fleet.beacons import take_beacons
from smartwatts_ml.kinds import find_model
from smartwatts_ml.printable import printable
from smartwatts_ml.stages.watch import Watched, act
from smartwatts_ml.stages.watch import watch as weigh_champions
from smartwatts_ml.store import open_store

__all__ = ["watch"]

_COLOURS = {"back": "red", "harm": "red", "drift": "yellow"}


def watch(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="Default: all.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Weigh, and take nothing back.")
    ] = False,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Weigh what came since each champion was published; one that does harm is taken back.

    From beacons, and readings that nobody trained on. It is taken back where the keys are.

    Looking often costs nothing: the chance that a version without harm is ever taken back stays
    below one in twenty (SMARTWATTS_FLEET_CONFIDENCE).

    Example: smartwatts watch nilm --dry-run
    """
    for model in models or ():
        find_model(model)
    objects, current = open_objects(root)
    for line in take_beacons(objects, current.fleet.beacon_months).lines():
        err.print(printable(line), soft_wrap=True)
    findings = weigh_champions(objects, current, datetime.now(UTC), models)
    failed: list[StoreError] = []
    signs = bool(open_store(objects, current).keys.uris()) and not dry_run
    if signs:
        for place, watched in enumerate(findings):
            try:
                findings[place] = act(objects, current, watched)
            except StoreError as error:
                failed.append(error)
    if as_json:
        print_json(findings)
    elif not findings:
        err.print("no champions yet: `smartwatts retrain` makes the first ones")
    else:
        _print(findings)
        if not signs and not dry_run and any(w.finding == "back" and not w.done for w in findings):
            err.print("no key here to sign with: `smartwatts models rollback` where they are")
    if failed:
        raise failed[0]


def _print(findings: list[Watched]) -> None:
    table = Table("model", "version", "before", "finding", "why")
    for watched in findings:
        finding = Text(watched.finding, _COLOURS.get(watched.finding, ""))
        why = "; ".join(filter(None, (watched.reason, watched.done)))
        before = f"v{watched.against}" if watched.against else "–"
        table.add_row(watched.model, f"v{watched.version}", before, finding, why)
    out.print(table)
