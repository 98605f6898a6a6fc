"""Files in landing/beacons/ that are new become rows of the table of beacons, exactly once.

As with readings: the table records the digest of each content in the commit that takes it, a
ledger spares the reading of files that have not changed, and rejected lines are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smartwatts_ml.errors import BadInputError, SmartwattsError, StoreError
from smartwatts_ml.fleet.beacon import Beacon
from smartwatts_ml.fleet.beacon_file import BeaconReport, read_beacons
from smartwatts_ml.fleet.beacon_table import BeaconTable
from smartwatts_ml.objects import ObjectInfo, Objects
from smartwatts_ml.readings.ingest.landing import list_beacons
from smartwatts_ml.readings.ingest.ledger import BEACON_LEDGER, Known, Ledger
from smartwatts_ml.readings.ingest.quarantine import Quarantine
from smartwatts_ml.readings.ingest.refusals import changed_meanwhile, is_the_files_fault
from smartwatts_ml.readings.ingest.workspace import Workspace

__all__ = ["BeaconsTaken", "take_beacons"]

_ROWS_AT_ONCE = 200_000


@dataclass(frozen=True)
class BeaconsTaken:
    """What became of files that were new, and how many were known."""

    files: tuple[BeaconReport, ...] = ()
    unchanged: int = 0

    @property
    def accepted(self) -> int:
        return sum(file.accepted for file in self.files)

    @property
    def rejected(self) -> int:
        return sum(file.rejected for file in self.files)

    @property
    def left(self) -> list[BeaconReport]:
        """Files of which nothing was taken."""
        return [file for file in self.files if file.left]

    def lines(self) -> list[str]:
        """What there is to say of them, for people: a line of all, one of each with a fault."""
        if not self.files:
            return []
        said = [f"{self.accepted:,} beacons from {len(self.files):,} files"]
        for file in self.files:
            if file.left:
                said.append(f"{file.key} was left: {file.left}")
            elif file.rejected:
                said.append(f"{file.key}: {file.rejected:,} rejected: {file.why_rejected()}")
        return said

    def to_json(self) -> dict[str, Any]:
        return {
            "accepted": self.accepted,
            "rejected": self.rejected,
            "unchanged": self.unchanged,
            "files": [file.to_json() for file in self.files],
        }


def take_beacons(objects: Objects, kept_months: int = 0) -> BeaconsTaken:
    """Add every file of landing/beacons/ whose content is not in the table yet. Repeating adds
    nothing; a file of which nothing can be taken is left, with the reason, until it changes. A
    root without such files gets no table.

    Months before the ``kept_months`` that end with the newest leave the table then; 0: none do."""
    landed = list_beacons(objects)
    if not landed:
        return BeaconsTaken()
    table = BeaconTable(objects)
    ledger = Ledger.read(objects, table.id, BEACON_LEDGER)
    new = [info for info in landed if not (ledger.taken(info) or ledger.refused(info))]
    with Workspace() as work:
        intake = _Intake(objects, table, ledger, work)
        for info in new:
            intake.take(info)
        intake.commit()
        if new:
            table.tidy(kept_months)
    return BeaconsTaken(tuple(intake.reports[info.key] for info in new), len(landed) - len(new))


@dataclass
class _Waiting:
    """Contents that wait for a commit, by digest."""

    rows: dict[str, Sequence[tuple[Beacon, datetime]]] = field(default_factory=dict)
    infos: dict[str, list[ObjectInfo]] = field(default_factory=dict)
    quarantines: dict[str, Quarantine] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self.rows.values()))


class _Intake:
    def __init__(
        self, objects: Objects, table: BeaconTable, ledger: Ledger, work: Workspace
    ) -> None:
        self._objects = objects
        self._table = table
        self._ledger = ledger
        self._work = work
        self._waiting = _Waiting()
        self._news: dict[str, Known] = {}
        self.reports: dict[str, BeaconReport] = {}

    def take(self, info: ObjectInfo) -> None:
        """Read one file; commit when enough has been gathered."""
        try:
            self._read(info)
        except (BadInputError, StoreError) as error:
            if not is_the_files_fault(error):
                raise
            self._leave(info, error)
        if len(self._waiting) >= _ROWS_AT_ONCE:
            self.commit()

    def _leave(self, info: ObjectInfo, error: BadInputError | StoreError) -> None:
        self.reports[info.key] = BeaconReport(info.key, left=str(error))
        if isinstance(error, BadInputError):
            self._news[info.key] = Known.of_object(info, left=str(error))

    def _read(self, info: ObjectInfo) -> None:
        folder = self._work.new_folder()
        folder.mkdir()
        quarantine = Quarantine(folder / "rejected.csv.gz", info.key)
        try:
            with self._objects.at_hand(info.key, folder) as path:
                file = read_beacons(path, info.key, info.arrived, quarantine)
        finally:
            quarantine.close()
        if self._objects.info(info.key) != info:
            raise changed_meanwhile(info.key)
        report = file.report
        if not report.adds_up:
            raise SmartwattsError(f"{info.key}: lines got lost; nothing was taken")
        self.reports[info.key] = report
        waiting = self._waiting
        waiting.infos.setdefault(report.digest, []).append(info)
        if report.digest not in waiting.rows:
            waiting.rows[report.digest] = [(beacon, info.arrived) for beacon in file.beacons]
            waiting.quarantines[report.digest] = quarantine

    def commit(self) -> None:
        """Take what waits. Rejected lines are kept before anybody can miss them."""
        waiting, self._waiting = self._waiting, _Waiting()
        for digest, quarantine in waiting.quarantines.items():
            quarantine.keep(self._objects, digest, again=False)
        repeats = self._table.append(waiting.rows, self._work.folder) if waiting.rows else {}
        for digest, infos in waiting.infos.items():
            for number, info in enumerate(infos):
                report = self.reports[info.key]
                fresh = digest in repeats and number == 0
                report = report.settled(repeats[digest] if fresh else report.accepted)
                self.reports[info.key] = report
                self._news[info.key] = Known.of_object(
                    info, digest=digest, accepted=report.accepted
                )
        if self._news:
            self._ledger.keep(self._objects, self._news, {}, BEACON_LEDGER)
            self._news = {}
