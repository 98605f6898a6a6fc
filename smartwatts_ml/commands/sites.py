"""``smartwatts readings sites``: which home is behind a pseudonym."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import typer
from rich.table import Table

from smartwatts_ml.commands.common import JsonOption, RootOption, open_objects, print_json
from smartwatts_ml.commands.console import out
from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.ingest.landing import empty_root
from smartwatts_ml.readings.table.table import existing_table
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.settings import Settings

__all__ = ["sites"]

_SITES_SHOWN = 60


def sites(
    wanted: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SITE]...",
            help="Names, or pseudonyms with or without the word home. Default: every site.",
        ),
    ] = None,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Each site and its pseudonym: what reports, messages and histories call it.

    With SMARTWATTS_SHOW_SITE_NAMES they name sites, but for what is published.

    Example: smartwatts readings sites "home l775ny"
    """
    objects, current = open_objects(root, writable=False)
    rows = _pseudonyms(objects, current)
    chosen = [row for row in rows if not wanted or _is_one_of(row, wanted)]
    for name in wanted or ():
        if not any(_is_one_of(row, [name]) for row in chosen):
            raise NotFoundError(
                f"no site has the name or the pseudonym {name!r}",
                fix="smartwatts readings sites lists all",
            )
    if as_json:
        print_json([{"site": site, "pseudonym": pseudonym} for site, pseudonym in chosen])
    elif chosen:
        shown = Table("site", "pseudonym")
        for site, pseudonym in chosen[:_SITES_SHOWN]:
            shown.add_row(site, pseudonym)
        if len(chosen) > _SITES_SHOWN:
            shown.add_row(f"… and {len(chosen) - _SITES_SHOWN:,} more", "--json tells all")
        out.print(shown)
    else:
        out.print(empty_root(objects), soft_wrap=True)


def _pseudonyms(objects: Objects, current: Settings) -> list[tuple[str, str]]:
    table = existing_table(objects)
    known = sorted(table.sites()) if table else []
    if not known:  # and no key for them
        return []
    names = site_names(objects, current)
    return [(site, names.pseudonym(site)) for site in known]


def _is_one_of(row: tuple[str, str], wanted: Collection[str]) -> bool:
    site, pseudonym = row
    return not {site, pseudonym, pseudonym.removeprefix("home ")}.isdisjoint(wanted)
