"""What the page of the fleet shows: which version runs where, and what homes say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from smartwatts_ml.errors import DeniedError
from smartwatts_ml.fleet.beacons import existing_beacons
from smartwatts_ml.fleet.served import served_by
from smartwatts_ml.fleet.status import ModelStatus, fleet_status, heard_by_week
from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.watch import known
from smartwatts_ml.store import open_store

__all__ = ["fleet_page"]

_WEEKS = 12
_SHOWN = 100
_STACKED = 5
"""So many versions have a colour; the others are one more."""
_WIDTH, _HEIGHT, _LEFT, _BELOW = 640, 150, 44, 18


@dataclass(frozen=True)
class _Bar:
    """A part of a week's bar: ``shade`` is 0 for the newest version."""

    x: float
    y: float
    width: float
    height: float
    shade: int
    title: str


def fleet_page(objects: Objects, current: Settings, now: datetime | None = None) -> dict[str, Any]:
    """``models`` with their versions, states, weeks and what was found of champion and candidate,
    of one that was taken back too until the next look; gateways that want a look, ``troubled``, and
    how many ``more`` there are. Empty without a beacon."""
    when = now or datetime.now(UTC)
    table = existing_beacons(objects)
    if table is None:
        return {"models": [], "troubled": [], "more": 0, "heard": 0}
    statuses = fleet_status(table, served_by(open_store(objects, current)), current, when)
    weeks = heard_by_week(table, _WEEKS, when)
    called = _names(objects, current)
    troubled = [g for s in statuses for g in s.gateways if g.state != "current"]
    troubled.sort(key=lambda g: (_ORDER[g.state], g.model, g.gateway))
    return {
        "models": [
            _model(objects, status, weeks.get(status.model, {}), when) for status in statuses
        ],
        "troubled": [{"called": called(g.gateway), "of": g} for g in troubled[:_SHOWN]],
        "more": max(0, len(troubled) - _SHOWN),
        "heard": len({g.gateway for s in statuses for g in s.gateways}),
    }


_ORDER = {"failed": 0, "unknown": 1, "behind": 2, "silent": 3}


def _names(objects: Objects, current: Settings) -> Callable[[str], str]:
    try:
        return site_names(objects, current)
    except DeniedError:  # no pseudonym was given yet, and who only reads gives none
        return lambda _: "a home"


def _model(
    objects: Objects, status: ModelStatus, weeks: Mapping[int, list[int]], now: datetime
) -> dict[str, Any]:
    running = sum(status.versions.values())
    served = status.served
    looked = (known(objects, status.model, candidate=candidate) for candidate in (False, True))
    current = {served.version, *served.beside} if served else set()
    return {
        "status": status,
        "running": running,
        "versions": list(status.versions.items())[:8],
        "watched": [w for w in looked if w and (w.version in current or w.finding == "back")],
        "bars": _bars(weeks, now),
        "most": max((sum(counts) for counts in zip(*weeks.values(), strict=True)), default=0),
        "size": (_WIDTH, _HEIGHT + _BELOW),
    }


def _bars(weeks: Mapping[int, list[int]], now: datetime) -> list[_Bar]:
    """Weeks from left to right, the newest version at the bottom."""
    newest = sorted(weeks, reverse=True)
    most = max((sum(counts) for counts in zip(*weeks.values(), strict=True)), default=0)
    step = (_WIDTH - _LEFT) / _WEEKS
    bars = []
    for week in range(_WEEKS):
        top = float(_HEIGHT)
        day = now - timedelta(weeks=_WEEKS - week)
        for shade, version in enumerate(newest):
            count = weeks[version][week]
            if count:
                height = count / most * _HEIGHT
                top -= height
                title = f"v{version}: {count:,} gateways in the week from {day:%Y-%m-%d}"
                x = _LEFT + week * step
                bars.append(_Bar(x, top, step * 0.8, height, min(shade, _STACKED), title))
    return bars
