"""``smartwatts readings quality``: how plausible and how complete the readings are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from smartwatts_ml.commands.common import (
    JsonOption,
    RootOption,
    open_objects,
    print_json,
    progress_bar,
)
from smartwatts_ml.commands.console import out
from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.readings.base import device_id
from smartwatts_ml.readings.ingest.landing import empty_root
from smartwatts_ml.readings.sites import StoredReadings
from smartwatts_ml.readings.table.table import newest_readings
from smartwatts_ml.reports.data_quality import Survey, render
from smartwatts_ml.runs.site_names import site_names

__all__ = ["quality"]

_DEVICES_SHOWN = 60


def quality(
    sites: Annotated[
        list[str] | None, typer.Argument(metavar="[SITE]...", help="Default: every site.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the page with calendars to this file.")
    ] = None,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is missing and what is implausible, by device. Nothing is ever dropped.

    Thresholds are settings: SMARTWATTS_FUSE_WATTS, SMARTWATTS_STUCK_HOURS and others.

    Example: smartwatts readings quality home1 --html quality.html
    """
    objects, current = open_objects(root, writable=False)
    readings, snapshot = newest_readings(objects, current)
    seen = _look(readings, sites)
    if html:
        about = f"{objects.url} · readings snapshot {snapshot.version}"
        shown = seen.called(site_names(objects, current)) if seen.sites else seen
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(render(shown, "Data quality", about), "utf-8")
    if as_json:
        listed = [site.to_json() for site in seen.sites]
        print_json({"snapshot": snapshot, "sites": listed})
        return
    if seen.sites:
        _print(seen)
    else:
        out.print(empty_root(objects), soft_wrap=True)
    if html:
        out.print(f"page: {html}", soft_wrap=True)


def _look(readings: StoredReadings, sites: list[str] | None) -> Survey:
    """Every site asked for, without the limits that a run's page has."""
    known = [span.site for span in readings.spans()]
    for site in sites or ():
        if site not in known:
            raise NotFoundError(
                f"no site {site!r}", fix=f"known: {', '.join(known[:10]) or 'none'}"
            )
    wanted = [site for site in known if not sites or site in sites]
    looked_at = []
    with progress_bar("quality") as report:
        for done, site in enumerate(wanted):
            report(f"{site}, {done + 1} of {len(wanted)}", done / len(wanted))
            looked_at.append(readings.quality(site))
    return Survey(tuple(looked_at), len(known))


def _print(seen: Survey) -> None:
    table = Table("device", *(Column(name, justify="right") for name in ("readings", "covered")))
    table.add_column("longest gap")
    table.add_column("flagged")
    devices = [(site.site, device) for site in seen.by_need() for device in site.devices]
    for site, device in devices[:_DEVICES_SHOWN]:
        table.add_row(
            device_id(site, device.channel),
            f"{device.rows:,}",
            f"{device.coverage:.1%}",
            f"{device.gaps[0].hours:,.1f} h from {device.gaps[0].start[:10]}"
            if device.gaps
            else "none",
            "\n".join(finding.words for finding in device.findings) or "nothing",
        )
    out.print(table)
    if len(devices) > _DEVICES_SHOWN:
        out.print(f"… and {len(devices) - _DEVICES_SHOWN} more devices; --json tells all")
    doubted = sum(site.suspect * site.rows for site in seen.sites)
    rows = sum(site.rows for site in seen.sites)
    out.print(
        f"{round(doubted):,} of {rows:,} readings in doubt ({doubted / rows:.2%}), none dropped."
    )
