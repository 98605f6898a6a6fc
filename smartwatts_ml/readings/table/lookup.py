"""Whether the table has readings at some timestamps."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa

from smartwatts_ml.readings.columns import ARRIVAL, TIMESTAMP
from smartwatts_ml.readings.table.part_files import read_site
from smartwatts_ml.readings.table.table import ReadingsTable

__all__ = ["Lookup"]


class Lookup:
    """What the version at hand has, but for rows of the arrivals ``without``; ``asked``:
    whether anybody wanted to know."""

    def __init__(self, table: ReadingsTable, without: Collection[int] = ()) -> None:
        self._table = table
        self._without = list(without)
        self.asked = False

    def holds(self, site: str, channel: str, stamps: np.ndarray) -> bool:
        """Whether a channel has a reading at one of some stamps (µs)."""
        self.asked = True
        months = {str(month) for month in stamps.astype("M8[us]").astype("M8[M]")}
        for part in self._table.parts():
            if part.month in months and part.may_hold(site):
                with self._table.objects.open(part.key) as file:
                    for rows in read_site(file, site, [channel]).values():
                        kept = rows[TIMESTAMP].cast(pa.int64()).to_numpy()
                        stays = ~np.isin(rows[ARRIVAL].to_numpy(), self._without)
                        if np.isin(stamps, kept[stays]).any():
                            return True
        return False
