"""The data quality page: a calendar and a table for each site, and totals by check."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.readings.base import SiteSpan, device_id
from smartwatts_ml.readings.quality.flags import WORDS, Flag
from smartwatts_ml.readings.quality.record import SiteQuality
from smartwatts_ml.readings.sites import StoredReadings
from smartwatts_ml.readings.table.table import open_table
from smartwatts_ml.reports.calendar import calendar
from smartwatts_ml.reports.pages import page
from smartwatts_ml.runs.doubtful import keep_doubtful
from smartwatts_ml.runs.ingested import ingested, ingested_folder
from smartwatts_ml.runs.site_names import SiteNames, site_names
from smartwatts_ml.runs.snapshot import read_snapshot
from smartwatts_ml.settings import Settings

__all__ = ["PAGE", "Survey", "choose", "quality_key", "render", "survey", "write_quality_page"]

PAGE = "data_quality.html"
_WRONG_UNIT = (Flag.UNIT, Flag.LOW)
_MOST_SITES = 200
_SECONDS = 60.0
_CALENDARS = 24
"""Sites that are drawn: three quarters of them the worst, the others by chance."""


@dataclass(frozen=True)
class Survey:
    """Sites that were looked at, of ``total``; ``timed_out`` if time ended it early."""

    sites: tuple[SiteQuality, ...]
    total: int
    timed_out: bool = False

    def called(self, names: SiteNames) -> Survey:
        """The same, of sites as people read of them."""
        sites = (replace(site, site=names(site.site)) for site in self.sites)
        return replace(self, sites=tuple(sites))

    def by_need(self) -> list[SiteQuality]:
        """The worst first: most time missing or in doubt."""
        return sorted(self.sites, key=lambda site: (site.mean_coverage - site.suspect, site.site))

    def drawn(self) -> list[SiteQuality]:
        """The sites that get a calendar, the worst first."""
        ranked = self.by_need()
        chosen = _some([site.site for site in ranked], _CALENDARS, _CALENDARS * 3 // 4)
        return [site for site in ranked if site.site in chosen]

    def wrong_units(self) -> list[str]:
        """A line for each device that looks as if its unit were wrong, now or for a while: what
        is trained on that is worth nothing."""
        return [
            f"{device_id(site.site, device.channel)}: {finding.words}"
            for site in self.sites
            for device in site.devices
            for finding in device.findings
            if finding.flag in _WRONG_UNIT
        ]

    def totals(self) -> list[dict[str, Any]]:
        """By check: sites, devices, readings and hours."""
        rows = []
        for flag in WORDS:
            flagged = [
                (site.site, finding)
                for site in self.sites
                for device in site.devices
                for finding in device.findings
                if finding.flag is flag
            ]
            rows.append(
                {
                    "flag": flag,
                    "sites": len({site for site, _ in flagged}),
                    "devices": len(flagged),
                    "readings": sum(finding.readings for _, finding in flagged),
                    "hours": sum(finding.hours for _, finding in flagged),
                }
            )
        return rows


def choose(spans: Sequence[SiteSpan], count: int = _MOST_SITES) -> list[str]:
    """Which sites to look at, where there are more than ``count``: half of them those that
    lack most readings by their totals, half a sample that depends on their names alone."""
    if len(spans) <= count:
        return [span.site for span in spans]
    ranked = sorted(spans, key=lambda span: (span.coverage or 0.0, span.site))
    return _some([span.site for span in ranked], count, count // 2)


def _some(ranked: Sequence[str], count: int, worst: int) -> list[str]:
    """``count`` of the sites: the first ``worst``, and others by chance, which depends on
    their names alone."""
    others = sorted(ranked[worst:], key=lambda site: sha256_of(site.encode()))
    return [*ranked[:worst], *others[: count - worst]]


def survey(
    readings: StoredReadings, *, most_sites: int = _MOST_SITES, seconds: float = _SECONDS
) -> Survey:
    """Look at the sites that ``choose`` names, one at a time, until ``seconds`` are over."""
    until = time.monotonic() + seconds
    spans = readings.spans()
    sites: list[SiteQuality] = []
    for site in choose(spans, most_sites):
        if sites and time.monotonic() > until:
            return Survey(tuple(sites), len(spans), timed_out=True)
        sites.append(readings.quality(site))
    return Survey(tuple(sites), len(spans))


def render(looked_at: Survey, title: str, about: str, files: Sequence[str] = ()) -> str:
    """The page: self-contained HTML. ``files``: a line on each file that a run ingested."""
    return page(
        PAGE,
        title=title,
        about=about,
        survey=looked_at,
        sites=looked_at.by_need(),
        drawn=[(site, calendar(site)) for site in looked_at.drawn()],
        totals=looked_at.totals(),
        words=WORDS,
        files=files,
    )


def quality_key(run_id: str) -> str:
    """Where a run's page is kept."""
    return f"runs/{run_id}/{PAGE}"


def write_quality_page(objects: Objects, settings: Settings, run_id: str) -> str:
    """Write a run's page, once; its address.

    The page informs, it decides nothing: no fault in making it may cost a retraining, nor
    may it go unseen. So such a fault is logged, and the page itself says that it could not
    be made and why. Only a store that cannot be written raises, or that has a damaged key of
    pseudonyms, as in any stage.
    """
    key = quality_key(run_id)
    if objects.exists(key):
        return objects.uri(key)
    files: list[str] = []
    names = site_names(objects, settings)
    try:
        files = _file_lines(objects, run_id, names)
        snapshot = read_snapshot(objects, run_id)
        about = f"run {run_id} · readings snapshot {snapshot.version}, {snapshot.rows:,} readings"
        readings = open_table(objects).readings(snapshot, settings)
        looked_at = survey(readings).called(names)
        keep_doubtful(objects, run_id, looked_at.wrong_units())
        html = render(looked_at, "Data quality", about, files)
    except Exception as error:
        logging.getLogger("smartwatts").exception("run %s: no data quality page", run_id)
        about, reason = f"run {run_id}", names.of_error(error)
        html = page(PAGE, title="Data quality", about=about, failure=reason, files=files)
    objects.write(key, html.encode())
    return objects.uri(key)


def _file_lines(objects: Objects, run_id: str, names: SiteNames) -> list[str]:
    """A line on each file that the run ingested; on all of them where sites are not named."""
    files = ingested(objects, run_id)
    if names.shown or not files.read + files.left:
        return [*files.lines, *files.troubles]
    line = (
        f"{files.read:,} read, {files.left:,} left. Files may be called after homes: the log of "
        f"the ingest says what became of each, and {ingested_folder(run_id)} in the root."
    )
    return [line, *files.troubles]
