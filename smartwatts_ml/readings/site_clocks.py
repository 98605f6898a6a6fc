"""By which clock the people of a site live: who says so, and what is kept with the readings."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from smartwatts_ml.settings import Settings
from smartwatts_ml.timezones import find_zone

__all__ = [
    "ClockChange",
    "FileClock",
    "SiteClock",
    "SiteClocks",
    "change_lines",
    "disagreement_lines",
    "first_said",
]

_SITES_SHOWN, _LINES_SHOWN = 5, 20


@dataclass(frozen=True)
class SiteClock:
    """``timezone`` by whose clock a site lives; ``said_by`` the settings for its source, a file
    of its own, or the settings for all files."""

    timezone: str
    said_by: Literal["source", "file", "settings"]


@dataclass(frozen=True)
class FileClock:
    """What is said of the sites of one file: ``source``, by the settings for it; ``file``, by its
    layout or itself. Empty where nobody says by which clock they live."""

    source: str = ""
    file: str = ""

    def of_site(self, site: str, settings: Settings) -> SiteClock:
        """Its source says it, else ``site_timezones``, the file itself, or ``timezone``."""
        if self.source:
            return SiteClock(self.source, "source")
        if site in settings.site_timezones:
            return SiteClock(settings.site_timezones[site], "settings")
        if self.file:
            return SiteClock(self.file, "file")
        return SiteClock(settings.timezone, "settings")


@dataclass(frozen=True)
class SiteClocks:
    """Timezones of sites as they are kept with a snapshot: ``default`` for all that are not among
    the others; ``by_settings``, ``by_file`` and ``by_source`` say who said it when it was kept."""

    default: str
    by_settings: Mapping[str, str] = field(default_factory=dict)
    by_file: Mapping[str, str] = field(default_factory=dict)
    by_source: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_settings(cls, settings: Settings) -> SiteClocks:
        """What the settings say, for readings that keep nothing yet."""
        default, by_site = settings.timezone, settings.site_timezones
        return cls(default, {site: zone for site, zone in by_site.items() if zone != default})

    def of_site(self, site: str) -> SiteClock:
        """By which clock a site lives."""
        if site in self.by_source:
            return SiteClock(self.by_source[site], "source")
        if site in self.by_file:
            return SiteClock(self.by_file[site], "file")
        return SiteClock(self.by_settings.get(site, self.default), "settings")

    def with_sites(self, clocks: Mapping[str, SiteClock]) -> SiteClocks:
        """These, with other clocks of some sites."""
        for clock in clocks.values():
            find_zone(clock.timezone)
        kept = {"settings": self.by_settings, "file": self.by_file, "source": self.by_source}
        said_by = {
            who: {site: zone for site, zone in zones.items() if site not in clocks}
            for who, zones in kept.items()
        }
        for site, clock in clocks.items():
            if clock != SiteClock(self.default, "settings"):
                said_by[clock.said_by][site] = clock.timezone
        return SiteClocks(self.default, said_by["settings"], said_by["file"], said_by["source"])

    def changed(self, sites: Iterable[str], settings: Settings) -> dict[str, SiteClock]:
        """Sites that the settings for all files move to another clock, with that one."""
        default = SiteClocks.of_settings(settings)
        now = {site: default.of_site(site) for site in sites if not self._stays(site, settings)}
        return {
            site: clock
            for site, clock in now.items()
            if clock.timezone != self.of_site(site).timezone
        }

    def moved(self, sites: Iterable[str], settings: Settings) -> SiteClocks:
        """These, with all ``sites`` of which the settings for all files say it on their clocks."""
        default = SiteClocks.of_settings(settings)
        known = {*sites, *self.by_source, *self.by_file}
        stay = {site: self.of_site(site) for site in known if self._stays(site, settings)}
        said = {site: default.of_site(site) for site in sites}
        return SiteClocks(default.default).with_sites(said | stay)

    def _stays(self, site: str, settings: Settings) -> bool:
        """Whether the source goes before the settings for all files, or the file before theirs."""
        said_by = self.of_site(site).said_by
        return said_by == "source" or (said_by == "file" and site not in settings.site_timezones)

    def may_have_changed(self, settings: Settings) -> bool:
        """Whether the settings say anything else, told without the list of sites."""
        said = settings.site_timezones
        return self.default != settings.timezone or any(
            self.of_site(site).timezone != said.get(site, settings.timezone)
            for site in {*said, *self.by_settings} - self.by_source.keys()
        )


@dataclass(frozen=True)
class ClockChange:
    """A site that is ``kept`` on one clock while another one is ``said`` now, by the settings for
    all files, or by what is said of the file ``key``."""

    site: str
    kept: str
    said: str
    key: str = ""


def change_lines(changes: Sequence[ClockChange]) -> list[str]:
    """What to say of sites that are kept on other clocks than is said, and what to do: a line for
    those that are alike."""
    lines = []
    for sites, change in _alike(changes):
        who = f"of {change.key}" if change.key else "of the settings"
        name = shlex.quote(change.key.removeprefix("landing/"))
        what = f"readings reread {name}" if change.key else "readings clocks --apply"
        lines.append(
            f"{sites} by the clock of {change.kept} as was kept, but by what is said now "
            f"{who} by that of {change.said}: `smartwatts {what}` changes it"
        )
    return _shortened(lines)


def first_said(
    files: Iterable[tuple[str, Mapping[str, SiteClock]]],
) -> tuple[dict[str, SiteClock], list[ClockChange]]:
    """By which clock each site lives by what is said of files, of which there are their keys and
    sites: as the first one says of which anything is said; and what others say."""
    clocks: dict[str, SiteClock] = {}
    others = []
    for key, said in files:
        for site, clock in said.items():
            first = clocks.setdefault(site, clock)
            if clock.said_by == "settings":
                continue
            if first.said_by == "settings":
                clocks[site] = clock
            elif clock.timezone != first.timezone:
                others.append(ClockChange(site, first.timezone, clock.timezone, key))
    return clocks, others


def disagreement_lines(changes: Sequence[ClockChange]) -> list[str]:
    """What to say of sites of which files that are read together say several clocks."""
    lines = [
        f"{sites} by the clock of {change.kept}, as is said of the first file, but by what is said "
        f"of {change.key} by that of {change.said}: give both one site_timezone"
        for sites, change in _alike(changes)
    ]
    return _shortened(lines)


def _shortened(lines: list[str]) -> list[str]:
    more = len(lines) - _LINES_SHOWN
    return [*lines[:_LINES_SHOWN], *([f"… and {more:,} more lines like these"] if more > 0 else [])]


def _alike(changes: Sequence[ClockChange]) -> Iterator[tuple[str, ClockChange]]:
    """Those that differ by their sites alone together: who lives, and one of them."""
    alike: dict[ClockChange, list[str]] = {}
    for change in changes:
        alike.setdefault(replace(change, site=""), []).append(change.site)
    for change, sites in alike.items():
        shown = ", ".join(sites[:_SITES_SHOWN])
        more = f" and {len(sites) - _SITES_SHOWN:,} more" if len(sites) > _SITES_SHOWN else ""
        yield f"{shown}{more} {'lives' if len(sites) == 1 else 'live'}", change
