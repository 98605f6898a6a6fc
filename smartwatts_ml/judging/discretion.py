"""How the sites of a decision are told of: inside, its slices are called ``site <name>``.

What people read calls a site as ``runs.site_names`` does. What ships names no home whatever
settings say, since a manifest lies inside every app: it has pseudonyms, and the metrics of
single homes are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from smartwatts_ml.runs.site_names import SiteNames

__all__ = ["Discretion", "called"]

_SITE = "site "


def called(sites: Iterable[str], names: SiteNames) -> dict[str, str]:
    """What people read of the slices of these sites; nothing else than how they are called
    inside where names are shown.

    >>> called(["b"], SiteNames(bytes(32))), called(["b"], SiteNames(bytes(32), shown=True))
    ({'site b': 'home mmb2qw'}, {})
    """
    return {} if names.shown else {_SITE + site: names.pseudonym(site) for site in sites}


class Discretion:
    """Tells of the sites of one decision by pseudonyms.

    >>> discreet = Discretion(["site berlin-7", "site b", "hours day"], SiteNames(bytes(32)))
    >>> discreet.text("kept: site berlin-7 loses 4 %, site b does not")
    'kept: home l775ny loses 4 %, home mmb2qw does not'
    >>> discreet.slices({"site b": 1, "hours day": 2})
    {'hours day': 2}
    """

    def __init__(self, slices: Iterable[str], names: SiteNames) -> None:
        sites = {name for name in slices if name.startswith(_SITE)}
        # The longest first: one name may begin another.
        self._pseudonyms = {
            name: names.pseudonym(name.removeprefix(_SITE))
            for name in sorted(sites, key=lambda name: (-len(name), name))
        }

    def text(self, text: str) -> str:
        """The text without names of sites."""
        for name, pseudonym in self._pseudonyms.items():
            text = text.replace(name, pseudonym)
        return text

    def slices(self, slices: Mapping[str, Any]) -> dict[str, Any]:
        """Those of no single home."""
        return {name: value for name, value in slices.items() if not name.startswith(_SITE)}
