"""Beacons of one model as days by homes, for what weighs evidence."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import numpy as np

from smartwatts_ml.fleet.beacon import Beacon
from smartwatts_ml.gate.paired_homes import HomeDays
from smartwatts_ml.records.table import RecordTable

__all__ = ["days_of"]

_BEFORE_DAYS = 28
"""So long before the publication homes are looked at as well."""
_MOST_DAYS = 400
_MOST_HOMES = 20_000
"""More would cost time and decide nothing else."""
_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROWS = """
WITH known AS (
  SELECT gateway FROM beacons WHERE model = $model
  GROUP BY gateway HAVING min(arrived) < $published),
v AS (
  SELECT gateway, time // $day - $first AS day, version, max(time) AS last,
    bool_or(loaded) AS up,
    bool_or(NOT loaded OR (runs > 0 AND failures * 2 > runs)) AS down,
    sum(error) FILTER (WHERE NOT isnan(error)) AS error,
    sum(scale) FILTER (WHERE NOT isnan(error)) AS scale
  FROM beacons SEMI JOIN known USING (gateway)
  WHERE model = $model AND time >= $first * $day AND time < $end * $day
    AND arrived < $now
  GROUP BY ALL)
SELECT gateway, day, coalesce(arg_max(version, last) FILTER (WHERE up), 0) AS version,
  coalesce(arg_max(version, last) FILTER (WHERE down), 0) AS failed,
  coalesce(arg_max(error, last) FILTER (WHERE up), 'nan'::DOUBLE) AS error,
  coalesce(arg_max(scale, last) FILTER (WHERE up), 'nan'::DOUBLE) AS scale
FROM v GROUP BY gateway, day
"""


def days_of(table: RecordTable[Beacon], model: str, published: datetime, now: datetime) -> HomeDays:
    """What homes said from four weeks before a version was ``published`` until yesterday. Only
    those that were heard of before it was, by the root's own clock: nobody turns up to vote. A
    home's place is a hash of its name."""
    first = _day(published) - _BEFORE_DAYS
    end = min(_day(now), first + _MOST_DAYS)
    columns = table.columns(
        _ROWS,
        {
            "model": model,
            "published": _us(published),
            "now": _us(now),
            "day": _DAY_US,
            "first": first,
            "end": end,
        },
        published - timedelta(days=_BEFORE_DAYS),
    )
    names, home = np.unique(np.asarray(columns["gateway"], dtype=str), return_inverse=True)
    places = np.argsort([hashlib.sha256(name.encode()).digest() for name in names.tolist()])
    rank = np.empty(len(names), dtype=np.int64)
    rank[places] = np.arange(len(names))
    row = rank[home] if len(names) else np.zeros(0, dtype=np.int64)
    kept = row < _MOST_HOMES
    shape = (min(len(names), _MOST_HOMES), max(end - first, 0))
    at = (row[kept], np.asarray(columns["day"], dtype=np.int64)[kept])
    version, failed = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    error, scale = np.full(shape, np.nan), np.full(shape, np.nan)
    for array, name in ((version, "version"), (failed, "failed"), (error, "error")):
        array[at] = np.asarray(columns[name])[kept]
    scale[at] = np.asarray(columns["scale"])[kept]
    return HomeDays(version, failed, error, scale)


def _day(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(days=1)


def _us(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)
