"""The data quality page: a calendar and a table for each site, and totals by check."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.quality import WORDS, SiteQuality
from smartwatts_ml.readings.sites import StoredReadings
from smartwatts_ml.reports.calendar import calendar
from smartwatts_ml.settings import Settings

__all__ = ["PAGE", "Survey", "choose", "quality_key", "render", "survey", "write_quality_page"]

PAGE = "data_quality.html"
MOST_SITES = 200
SECONDS = 60.0
CALENDARS = 24
"""Sites that are drawn: three quarters of them the worst, the others by chance."""


@dataclass(frozen=True)
class Survey:
    """Sites that were looked at, of ``total``; ``timed_out`` if time ended it early."""

    sites: tuple[SiteQuality, ...]
    total: int
    timed_out: bool = False

    def by_need(self) -> list[SiteQuality]:
        """The worst first: most time missing or in doubt."""
        return sorted(self.sites, key=lambda site: (site.mean_coverage - site.suspect, site.site))

    def drawn(self) -> list[SiteQuality]:
        """The sites that get a calendar, the worst first."""
        ranked = self.by_need()
        worst = ranked[: CALENDARS * 3 // 4]
        others = sorted(ranked[len(worst) :], key=lambda site: _chance(site.site))
        chosen = {site.site for site in (*worst, *others[: CALENDARS - len(worst)])}
        return [site for site in ranked if site.site in chosen]

    def totals(self) -> list[dict[str, Any]]:
        """By check: sites, devices, readings and hours."""
        rows = []
        for flag in WORDS:
            found = [
                (site.site, finding)
                for site in self.sites
                for device in site.devices
                for finding in device.findings
                if finding.flag is flag
            ]
            rows.append(
                {
                    "flag": flag,
                    "sites": len({site for site, _ in found}),
                    "devices": len(found),
                    "readings": sum(finding.readings for _, finding in found),
                    "hours": sum(finding.hours for _, finding in found),
                }
            )
        return rows


def choose(spans: Sequence[SiteSpan], count: int = MOST_SITES) -> list[str]:
    """Which sites to look at, where there are more than ``count``: half of them those that
    lack most readings by their totals, half a sample that depends on their names alone."""
    if len(spans) <= count:
        return [span.site for span in spans]
    ranked = [
        span.site for span in sorted(spans, key=lambda span: (_completeness(span), span.site))
    ]
    worst = ranked[: count // 2]
    return worst + sorted(ranked[len(worst) :], key=_chance)[: count - len(worst)]


def survey(
    readings: StoredReadings, *, most_sites: int = MOST_SITES, seconds: float = SECONDS
) -> Survey:
    """Look at the sites that ``choose`` names, one at a time, until ``seconds`` are over."""
    until = time.monotonic() + seconds
    spans = readings.spans()
    found: list[SiteQuality] = []
    for site in choose(spans, most_sites):
        if found and time.monotonic() > until:
            return Survey(tuple(found), len(spans), timed_out=True)
        found.append(readings.quality(site))
    return Survey(tuple(found), len(spans))


def render(found: Survey, title: str, about: str) -> str:
    """The page: self-contained HTML."""
    return _template().render(
        title=title,
        about=about,
        survey=found,
        sites=found.by_need(),
        drawn=[(site, calendar(site)) for site in found.drawn()],
        totals=found.totals(),
        words=WORDS,
    )


def quality_key(run_id: str) -> str:
    """Where a run's page is kept."""
    return f"runs/{run_id}/{PAGE}"


def write_quality_page(objects: Objects, current: Settings, run_id: str) -> str:
    """Write a run's page, once; its address.

    The page informs, it decides nothing: no fault in making it may cost a retraining, nor
    may it go unseen. So such a fault is logged, and the page itself says that it could not
    be made and why. Only a store that cannot be written raises, as in any stage.
    """
    from smartwatts_ml.readings.table.table import open_table
    from smartwatts_ml.runs.run import read_snapshot

    key = quality_key(run_id)
    if objects.exists(key):
        return objects.uri(key)
    try:
        snapshot = read_snapshot(objects, run_id)
        about = f"run {run_id} · readings snapshot {snapshot.version}, {snapshot.rows:,} readings"
        page = render(
            survey(open_table(objects).readings(snapshot, current)), "Data quality", about
        )
    except Exception as error:
        logging.getLogger("smartwatts").exception("run %s: no data quality page", run_id)
        reason = str(error) or type(error).__name__
        page = _template().render(title="Data quality", about=f"run {run_id}", failure=reason)
    objects.write(key, page.encode())
    return objects.uri(key)


def _template() -> Any:
    from jinja2 import Environment, PackageLoader, select_autoescape

    loader = PackageLoader("smartwatts_ml.reports", ".")
    return Environment(
        loader=loader, autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    ).get_template(PAGE)


def _completeness(span: SiteSpan) -> float:
    """Readings there are, of those that the span could hold; 0 where the spacing is unknown."""
    could = (span.end - span.start) / np.timedelta64(1, "s") * len(span.channels)
    return span.rows * span.native_s / could if could else 0.0


def _chance(site: str) -> str:
    return hashlib.sha256(site.encode()).hexdigest()
