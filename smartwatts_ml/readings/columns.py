"""Names of columns, and what they mean, in one place."""

from __future__ import annotations

import zlib

__all__ = [
    "ANOMALY",
    "ARRIVAL",
    "BUCKET",
    "BUCKETS",
    "CHANNEL",
    "CONSUMPTION",
    "CSV_COLUMNS",
    "DEVICE_ID",
    "END_US",
    "FIRST_US",
    "HELD",
    "INTERVAL",
    "MONTH",
    "PARTITIONS",
    "SITE",
    "TIMESTAMP",
    "TOO_LARGE",
    "TOTAL",
    "site_bucket",
]

TIMESTAMP = "timestamp"
"""Start of the interval, UTC, µs."""
FIRST_US, END_US = 946_684_800_000_000, 4_102_444_800_000_000
"""2000 and 2100: timestamps are from the first and before the second."""
CONSUMPTION = "consumption"
"""Mean active power over the interval, W (in a CSV file: in the configured unit). Null where
the source sends a meter's total: the power follows from the totals when they are read."""
TOO_LARGE = 1e9
"""W, Wh or kWh that no reading has."""
TOTAL = "total_kwh"
"""What the meter had counted at the timestamp, kWh, where the source sends that; else null."""
INTERVAL = "interval_s"
"""Seconds that the reading lasts, where the source says so or the power was taken from energy; 0
where nobody knows; null where the readings around it tell."""
HELD = "held"
"""True where the power was the same all that while, since the source writes when it changes; null
where it is a mean."""
DEVICE_ID = "device_id"
"""``site/channel``; a bare id is that site's mains."""
ANOMALY = "anomaly"
"""0 or 1 where the reading is labelled."""
CSV_COLUMNS = (TIMESTAMP, CONSUMPTION, DEVICE_ID)

SITE = "site"
CHANNEL = "channel"
ARRIVAL = "arrival"
"""When the reading's file landed: of two readings of one device and stamp the larger counts."""
MONTH = "month"
"""``2026-11``, of the timestamp in UTC."""
BUCKET = "bucket"
PARTITIONS = (MONTH, BUCKET)

BUCKETS = 8
"""Part of the table's format: how many groups sites are spread over. Few, since each
ingest writes one file a month and bucket; inside a file sites lie in order, so that
reading one site skips the row groups of the others."""


def site_bucket(site: str) -> int:
    """The bucket of a site, the same in every process and version.

    >>> site_bucket("home1") == site_bucket("home1"), 0 <= site_bucket("home2") < BUCKETS
    (True, True)
    """
    return zlib.crc32(site.encode()) % BUCKETS
