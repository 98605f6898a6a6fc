"""``smartwatts readings clocks``: by whose clock each site lives."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from smartwatts_ml.commands.common import JsonOption, RootOption, open_objects, print_json
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.printable import printable
from smartwatts_ml.readings.ingest.landing import empty_root
from smartwatts_ml.readings.site_clocks import ClockChange, SiteClocks, change_lines
from smartwatts_ml.readings.table.clock_changes import apply_settings, clock_changes
from smartwatts_ml.readings.table.table import existing_table

__all__ = ["clocks"]

_SITES_SHOWN = 60
_SAID_BY = {"source": "its source", "file": "its file", "settings": "the settings"}


def clocks(
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Move sites to the clocks that the settings say by now."),
    ] = False,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """By whose clock each site lives: hours, days and weeks of models are on it.

    It is what the site's source says (`site_timezone`, or the `timezone` of its timestamps),
    else `site_timezones`, the file itself, or `timezone`. It is kept with the readings when a
    site first comes; where settings say something else later, it stays until --apply, and
    where a source or a file does, until `readings reread` of its files. Earlier snapshots keep
    theirs.

    Example: smartwatts readings clocks
    """
    objects, current = open_objects(root, writable=apply)
    table = existing_table(objects)
    sites = sorted(table.sites()) if table else []
    if table is None or not sites:
        if as_json:
            strangers = sorted(current.site_timezones)
            print_json({"sites": [], "changes": [], "without_readings": strangers})
        else:
            out.print(empty_root(objects), soft_wrap=True)
        return
    changes = apply_settings(table, current) if apply else clock_changes(table, current)
    kept = table.clocks or SiteClocks.of_settings(current)
    strangers = sorted(current.site_timezones.keys() - set(sites))
    if as_json:
        listed = [_site_json(site, kept) for site in sites]
        changed = {"moved" if apply else "changes": changes}
        print_json({"sites": listed, **changed, "without_readings": strangers})
        return
    out.print(_as_table(sites, kept))
    if strangers:
        shown = ", ".join(strangers[:_SITES_SHOWN])
        more = f" and {len(strangers) - _SITES_SHOWN:,} more" if strangers[_SITES_SHOWN:] else ""
        line = f"site_timezones names sites without readings: {shown}{more}"
        err.print(printable(line), soft_wrap=True)
    if apply:
        for change in changes:
            out.print(printable(_moved(change)), soft_wrap=True)
        return
    for line in change_lines(changes):
        err.print(printable(line), soft_wrap=True)


def _site_json(site: str, kept: SiteClocks) -> dict[str, Any]:
    clock = kept.of_site(site)
    return {"site": site, "timezone": clock.timezone, "said_by": clock.said_by}


def _moved(change: ClockChange) -> str:
    return f"{change.site}: {change.said} from now on, {change.kept} before"


def _as_table(sites: list[str], kept: SiteClocks) -> Table:
    table = Table("site", "lives by the clock of", "as said by")
    for site in sites[:_SITES_SHOWN]:
        clock = kept.of_site(site)
        table.add_row(site, clock.timezone, _SAID_BY[clock.said_by])
    if len(sites) > _SITES_SHOWN:
        table.add_row(f"… and {len(sites) - _SITES_SHOWN:,} more", "--json tells all", "")
    return table
