"""What lies in landing/: which files are new, when each arrived, what they will give."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from smartwatts_ml.objects import ObjectInfo, Objects
from smartwatts_ml.readings.ingest.ledger import Ledger, Outdated, arrived_us
from smartwatts_ml.readings.table.table import existing_table, open_table
from smartwatts_ml.settings import Settings

__all__ = [
    "FILE_NAMES",
    "LANDING",
    "PendingReadings",
    "arrivals_of",
    "batches",
    "empty_root",
    "is_readings_file",
    "list_files",
    "list_landing",
    "outdated_files",
    "pending",
]

LANDING = "landing/"
_NO_READINGS = ("landing/beacons/", "landing/labels/")
"""What gateways say of their models, and what people answer, comes here; no file of it is one of
readings."""
_ARRIVAL_BITS = 11
"""Bits of an arrival's number that tell files of one microsecond apart."""
FILE_NAMES = (
    ".csv, .tsv, .txt, .json, .jsonl, .ndjson, .xml (plain, or as .gz or .zst), .parquet, .xlsx"
)
"""What files of readings are called, for people."""
_READINGS_FILE = re.compile(
    r".*\.((csv|tsv|txt|json|jsonl|ndjson|xml)(\.(gz|zst|zstd))?|parquet|xlsx)", re.IGNORECASE
)


def is_readings_file(name: str) -> bool:
    """Whether a file is one of readings, told by its name.

    >>> [is_readings_file(name) for name in ("a.csv", "B.CSV.GZ", "c.tsv.zst", "d.xls")]
    [True, True, True, False]
    """
    return _READINGS_FILE.fullmatch(name) is not None


def empty_root(objects: Objects) -> str:
    """What to say of a root that holds no reading, and what to do about it."""
    return (
        f"the readings of {objects.url} are empty: put files into {objects.uri(LANDING[:-1])}, "
        "then run `smartwatts ingest`"
    )


@dataclass(frozen=True)
class PendingReadings:
    """Landing files not yet ingested, those ``there`` by key with their etags; those that cannot
    be read (``refused``), or are still being written, are not counted."""

    files: int
    bytes: int
    estimated_rows: int
    there: dict[str, str]
    refused: int = 0


def pending(objects: Objects, before: Mapping[str, str] | None = None) -> PendingReadings:
    """What waits in landing/, estimated from sizes, without reading a file or making a table.
    ``before``: what was there at an earlier look; what has come or changed since may still be
    being written, and waits for the next one."""
    table = existing_table(objects)
    ledger = Ledger.read(objects, table.id if table else "")
    files, _ = list_landing(objects)
    refused = sum(ledger.refused(info) is not None for info in files)
    new = [info for info in files if not ledger.taken(info) and not ledger.refused(info)]
    there = {info.key: info.etag for info in new}
    if before is not None:
        new = [info for info in new if before.get(info.key) == info.etag]
    size = sum(info.size for info in new)
    return PendingReadings(len(new), size, ledger.estimate_rows(new), there, refused)


def batches(objects: Objects, size: int, most: int) -> list[list[str]]:
    """Keys of new landing files, in groups of about ``size`` bytes that can be ingested at
    once by different workers; at most ``most`` groups."""
    ledger = Ledger.read(objects, open_table(objects).id)
    files, _ = list_landing(objects)
    new = [info for info in files if not ledger.taken(info)]
    size = max(size, -(-sum(info.size for info in new) // most))
    groups: list[list[str]] = []
    filled = size
    for info in new:
        if filled >= size and len(groups) < most:
            groups.append([])
            filled = 0
        groups[-1].append(info.key)
        filled += info.size
    return groups


def outdated_files(objects: Objects, settings: Settings) -> list[Outdated]:
    """Landing files that were taken for something else than they would be today."""
    ledger = Ledger.read(objects, open_table(objects).id)
    files, _ = list_landing(objects)
    return ledger.outdated(files, settings)


def list_landing(objects: Objects) -> tuple[list[ObjectInfo], tuple[str, ...]]:
    """Files of readings in the order in which they arrived, and the keys of other files."""
    files, ignored = [], []
    for info in objects.list(LANDING):
        name = info.key.rpartition("/")[2]
        if name.startswith(".") or info.key.startswith(_NO_READINGS):
            continue
        if is_readings_file(name):
            files.append(info)
        else:
            ignored.append(info.key)
    return sorted(files, key=lambda info: (info.arrived, info.key)), tuple(ignored)


def list_files(objects: Objects, folder: str) -> list[ObjectInfo]:
    """Files of a folder in the order in which they arrived, but for hidden ones."""
    files = [
        info for info in objects.list(folder) if not info.key.rpartition("/")[2].startswith(".")
    ]
    return sorted(files, key=lambda info: (info.arrived, info.key))


def arrivals_of(landed: list[ObjectInfo], ledger: Ledger) -> dict[str, int]:
    """A number for when each file landed, which orders readings of one device and stamp
    whichever run takes which file first: µs by the root's own clock, and room below that for
    files of one tick. Of those, what was taken before comes first, then names decide."""
    latest: dict[int, int] = {}
    for known in ledger.files.values():
        tick = known.arrival >> _ARRIVAL_BITS
        latest[tick] = max(latest.get(tick, 0), known.arrival)
    arrivals = {}
    ordered = sorted(landed, key=lambda info: (info.arrived, info.key))
    for tick, files in itertools.groupby(ordered, key=arrived_us):
        arrival = max(tick << _ARRIVAL_BITS, latest.get(tick, 0) + 1)
        for info in files:
            before = ledger.files[info.key].arrival if ledger.taken(info) else 0
            arrivals[info.key] = before or arrival
            arrival += not before
    return arrivals
