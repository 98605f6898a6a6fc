"""How many new readings are enough for a model, and what they have to bring beside their
number: days, and sites.

A stamp of the future tells nothing of what is new: a clock that runs ahead neither starts a
retraining nor keeps it away.

Days and sites are looked up only where a setting asks for them.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.table.table import open_table
from smartwatts_ml.runs.site_ends import site_ends
from smartwatts_ml.runs.snapshot import read_snapshot
from smartwatts_ml.runs.state import ModelState
from smartwatts_ml.settings import Settings

__all__ = ["enough", "shortfall"]

_SECONDS_A_DAY = 86_400


def enough(current: Settings, state: ModelState | None) -> int:
    """New readings that it takes: a share of those that the last decision had, and so many for
    each of its sites at least, or the number that a setting says. What was dropped before it
    taught nobody, and does not count. Before the first decision there is one site, as nobody
    has counted them.

    >>> from smartwatts_ml.runs.state import ModelState
    >>> enough(Settings(), ModelState("nilm", rows=52_000_000, sites=100))
    5200000
    >>> enough(Settings(), ModelState("nilm", rows=10_000, sites=17)), enough(Settings(), None)
    (11424, 672)
    >>> enough(Settings(), ModelState("nilm", rows=52_000_000, sites=100, held=4_000_000))
    400000
    """
    if current.new_readings:
        return current.new_readings
    if state is None:
        return current.new_per_site
    rows = state.rows if state.held is None else state.held
    return max(math.ceil(current.new_growth * rows), current.new_per_site * max(state.sites, 1))


def shortfall(objects: Objects, current: Settings, state: ModelState | None) -> str:
    """Why readings since a model's last decision are not enough, by days or by sites; empty
    where they are, where nothing was decided yet, or where no setting asks."""
    if state is None or not (current.new_days or current.new_site_share):
        return ""
    decided = _decided_end(objects, state)
    if decided is None:
        return ""
    table = open_table(objects)
    ends = site_ends(objects.url, table.id, table.version)
    now = datetime.now(UTC).timestamp()
    newest = max((end for end in ends.values() if end <= now), default=0.0)
    days = max(0.0, (newest - decided) / _SECONDS_A_DAY)
    if days < current.new_days:
        return f"{days:.1f} new days, {current.new_days:g} needed"
    share = sum(end > decided for end in ends.values()) / len(ends) if ends else 0.0
    if share < current.new_site_share:
        return f"{share:.0%} of sites have new readings, {current.new_site_share:.0%} needed"
    return ""


def _decided_end(objects: Objects, state: ModelState) -> float | None:
    """Last stamp that the last decision saw, s since 1970, none later than its own time; None
    where its run is gone."""
    try:
        end = read_snapshot(objects, state.run_id).end if state.run_id else None
    except NotFoundError:
        return None
    if not end:
        return None
    last = datetime.fromisoformat(end)
    return min(last, state.time or last).timestamp()
