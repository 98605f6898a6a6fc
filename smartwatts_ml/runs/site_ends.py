"""Where the readings of each site end.

That is in the footers of the table's parts; they are read once for each version of the table, so
that looking again costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from smartwatts_ml.objects import open_root
from smartwatts_ml.readings.table.snapshot_readings import read_footers
from smartwatts_ml.readings.table.table import open_table

__all__ = ["site_ends"]

_MICROSECONDS = 1e6


@lru_cache(maxsize=2)
def site_ends(url: str, table: str, version: int) -> Mapping[str, float]:
    """Last stamp of each site of a root's table, s since 1970."""
    objects = open_root(url, writable=False)
    ends: dict[str, float] = {}
    for footer in read_footers(objects, open_table(objects).parts()):
        for device in footer:
            last = device.last / _MICROSECONDS
            ends[device.site] = max(last, ends.get(device.site, last))
    return ends
