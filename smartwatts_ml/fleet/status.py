"""Which versions run where, who is behind, who is silent, who failed to load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from smartwatts_ml.fleet.beacon import Beacon
from smartwatts_ml.records.table import RecordTable
from smartwatts_ml.settings import Settings

__all__ = [
    "HeardGateway",
    "ModelStatus",
    "Served",
    "State",
    "fleet_status",
    "heard_by_week",
]

State = Literal["current", "behind", "silent", "failed", "unknown"]
"""What is said of a gateway: current, or why somebody may want to look at it. A silent one is only
that; one that failed could not load a version; unknown is a version that was never published."""

_LONGEST_SILENCE = timedelta(days=60)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEWEST = """
WITH v AS (
  SELECT gateway, model, version, max(arrived) AS heard,
    max(time) FILTER (WHERE loaded) AS up, max(time) FILTER (WHERE NOT loaded) AS down,
    arg_max(runtime, time) AS runtime, arg_max(latency_ms, time) AS latency_ms,
    arg_max(trouble, time) FILTER (WHERE NOT loaded) AS trouble,
    arg_max(failures, time) AS failures, arg_max(runs, time) AS runs
  FROM beacons GROUP BY gateway, model, version)
SELECT gateway, model, max(heard) AS heard, arg_max(version, up) AS version,
  arg_max(runtime, greatest(up, down)) AS runtime, arg_max(latency_ms, up) AS latency_ms,
  arg_max(failures, up) AS failures, arg_max(runs, up) AS runs,
  arg_max(version, down) FILTER (WHERE down > coalesce(up, 0)) AS failing,
  max(down) FILTER (WHERE down > coalesce(up, 0)) AS failed,
  arg_max(trouble, down) FILTER (WHERE down > coalesce(up, 0)) AS trouble
FROM v GROUP BY gateway, model ORDER BY model, gateway
"""
_WEEKS = """
SELECT model, version, week, count(*) AS gateways FROM (
  SELECT model, hash(gateway) AS place, (arrived - ?) // 604800000000 AS week,
    arg_max(version, time) AS version
  FROM beacons WHERE loaded AND arrived >= ? GROUP BY ALL)
GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class Served:
    """What the store says of a model: the ``version`` in force ``since`` then, versions that a
    gateway may run ``beside`` it (a candidate's), and all that were ever ``published``."""

    version: int
    since: datetime
    beside: frozenset[int] = frozenset()
    published: frozenset[int] = frozenset()


@dataclass(frozen=True)
class HeardGateway:
    """What one gateway last said of one model. ``version``: what it runs, None where nothing ever
    loaded; ``failing``: what it could not load lately, and ``trouble`` why. ``heard``: when its
    last file came. ``failures`` of ``runs`` in its last beacon."""

    gateway: str
    model: str
    state: State
    version: int | None
    heard: datetime
    runtime: str
    latency_ms: float | None
    runs: int
    failures: int
    failing: int | None = None
    trouble: str = ""


@dataclass(frozen=True)
class ModelStatus:
    """Gateways of one model: counted by ``versions`` (of those that are not silent) and
    ``states``."""

    model: str
    served: Served | None
    gateways: tuple[HeardGateway, ...]

    @property
    def versions(self) -> dict[int, int]:
        """How many run each version, the newest first."""
        counts = Counter(g.version for g in self.gateways if g.version and g.state != "silent")
        return dict(sorted(counts.items(), reverse=True))

    @property
    def states(self) -> dict[State, int]:
        return dict(Counter(gateway.state for gateway in self.gateways))

    def to_json(self) -> dict[str, Any]:
        """All but the gateways themselves."""
        return {
            "model": self.model,
            "version": self.served.version if self.served else None,
            "since": self.served.since if self.served else None,
            "versions": {str(version): count for version, count in self.versions.items()},
            "states": self.states,
        }


def fleet_status(
    table: RecordTable[Beacon], served: Mapping[str, Served], settings: Settings, now: datetime
) -> list[ModelStatus]:
    """Every model that a beacon speaks of, or that is ``served``, by name. A gateway that was not
    heard of for _LONGEST_SILENCE is none of the fleet any more."""
    by_model: dict[str, list[HeardGateway]] = {model: [] for model in served}
    for row in table.query(_NEWEST, since=now - _LONGEST_SILENCE):
        model = row["model"]
        gateway = _gateway(row, served.get(model), settings, now)
        by_model.setdefault(model, []).append(gateway)
    return [
        ModelStatus(model, served.get(model), tuple(gateways))
        for model, gateways in sorted(by_model.items())
    ]


def heard_by_week(
    table: RecordTable[Beacon], weeks: int, now: datetime
) -> dict[str, dict[int, list[int]]]:
    """How many gateways ran each version of each model at the end of each of the last weeks, oldest
    first."""
    start = _us(now - timedelta(weeks=weeks))
    counts: dict[str, dict[int, list[int]]] = {}
    for row in table.query(_WEEKS, [start, start], now - timedelta(weeks=weeks)):
        of_version = counts.setdefault(row["model"], {}).setdefault(row["version"], [0] * weeks)
        of_version[min(row["week"], weeks - 1)] = row["gateways"]
    return counts


def _gateway(
    row: Mapping[str, Any], served: Served | None, settings: Settings, now: datetime
) -> HeardGateway:
    heard = _EPOCH + timedelta(microseconds=row["heard"])
    lately = now - timedelta(days=settings.fleet.silent_days)
    failing = row["failing"] if row["failed"] and row["failed"] >= _us(lately) else None
    return HeardGateway(
        row["gateway"],
        row["model"],
        _state(row["version"], failing, heard < lately, served, settings, now),
        row["version"],
        heard,
        row["runtime"],
        _finite(row["latency_ms"]),
        row["runs"] or 0,
        row["failures"] or 0,
        failing,
        (row["trouble"] or "") if failing else "",
    )


def _state(
    version: int | None,
    failing: int | None,
    silent: bool,
    served: Served | None,
    settings: Settings,
    now: datetime,
) -> State:
    if silent:
        return "silent"
    if failing is not None or version is None:
        return "failed"
    if served is None or version not in served.published:
        return "unknown"
    waited = now - served.since >= timedelta(days=settings.fleet.behind_days)
    behind = version not in {served.version, *served.beside}
    return "behind" if behind and waited else "current"


def _finite(value: float | None) -> float | None:
    return None if value is None or value != value else round(value, 3)


def _us(time: datetime) -> int:
    return round((time - _EPOCH) / timedelta(microseconds=1))
