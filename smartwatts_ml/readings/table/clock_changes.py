"""Sites that live by another clock by what is said now than the table keeps."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from smartwatts_ml.errors import ChangedError
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.site_clocks import ClockChange, SiteClocks
from smartwatts_ml.readings.table.table import ReadingsTable
from smartwatts_ml.settings import Settings

__all__ = ["apply_settings", "clock_changes"]


def clock_changes(
    table: ReadingsTable, settings: Settings, files: Sequence[FileReport] = ()
) -> list[ClockChange]:
    """By what is said of ``files`` that were read now, and by the settings for all files."""
    clocks = table.clocks
    if clocks is None:
        return []
    changes: dict[str, ClockChange] = {}
    for file in files:
        for site, said in file.clocks(settings).items() if file.accepted else ():
            kept = clocks.of_site(site)
            if said.said_by != "settings" and said.timezone != kept.timezone:
                changes[site] = ClockChange(site, kept.timezone, said.timezone, file.key)
    if clocks.may_have_changed(settings):
        for site, said in clocks.changed(sorted(table.sites()), settings).items():
            kept = clocks.of_site(site)
            changes.setdefault(site, ClockChange(site, kept.timezone, said.timezone))
    return list(changes.values())


def apply_settings(table: ReadingsTable, settings: Settings) -> list[ClockChange]:
    """Move sites to the clocks that the settings for all files say, in one commit; what moved.
    Those of which their source says it stay, or a file of their own unless they are named."""
    for _ in table.attempts():
        changes = clock_changes(table, settings)
        kept = table.clocks or SiteClocks.of_settings(settings)
        with suppress(ChangedError):
            if changes or table.clocks is None:
                table.keep_clocks(kept.moved(table.sites(), settings))
            break
    return changes
