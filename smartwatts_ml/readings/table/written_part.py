"""What a table's log is told of a part file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smartwatts_ml.readings.sites import DeviceSpan

__all__ = ["WrittenPart"]


@dataclass(frozen=True)
class WrittenPart:
    """A part file where it was written, and what the table's log will say of it: ``first`` and
    ``last`` stamp (µs), and the lowest and the highest of its rows' ``sites``, ``channels``
    and ``arrivals``. Nothing of single devices, of which there may be very many."""

    path: Path
    month: str
    bucket: int
    rows: int
    first: int
    last: int
    sites: tuple[str, str]
    channels: tuple[str, str]
    arrivals: tuple[int, int]

    @classmethod
    def of_devices(
        cls,
        path: Path,
        month: str,
        bucket: int,
        devices: Sequence[DeviceSpan],
        arrivals: tuple[int, int],
    ) -> WrittenPart:
        """Of a file that has rows of these devices."""
        return cls(
            path,
            month,
            bucket,
            rows=sum(device.rows for device in devices),
            first=min(device.first for device in devices),
            last=max(device.last for device in devices),
            sites=_ends([device.site for device in devices]),
            channels=_ends([device.channel for device in devices]),
            arrivals=arrivals,
        )


def _ends(names: Sequence[str]) -> tuple[str, str]:
    return min(names), max(names)
