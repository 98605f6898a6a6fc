"""Whether what a source says can be meant: a slip in one of them is no matter of other files."""

from __future__ import annotations

from collections.abc import Callable

from smartwatts_ml.errors import BadInputError, UsageError
from smartwatts_ml.readings.layouts.catalog import layout_named
from smartwatts_ml.settings.source_tables import place_of_source
from smartwatts_ml.sources import Source, toml_string
from smartwatts_ml.timezones import find_zone

__all__ = ["check_source", "fault_in_source"]


def check_source(source: Source, name: str) -> None:
    """Raises BadInputError where there is no such layout or timezone. ``name``: the file for
    people."""
    checks: tuple[tuple[str | None, Callable[[str], object]], ...] = (
        (source.layout, layout_named),
        (source.timezone, find_zone),
        (source.site_timezone, find_zone),
    )
    for said, find in checks:
        if said is not None:
            try:
                find(said)
            except UsageError as error:
                raise fault_in_source(source, name, error) from error


def fault_in_source(source: Source, name: str, error: UsageError) -> BadInputError:
    """What is wrong with a source, and where it is."""
    where = f"its source {toml_string(source.match)} ({place_of_source(source.match)})"
    return BadInputError(f"{name}: {where}: {error.args[0]}", fix=error.fix)
