"""A file of beacons → beacons, with every physical line accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.fleet.beacon import LINE_BYTES, Beacon, UnfitError, columns_of, of_csv, of_json
from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.ingest.quarantine import Quarantine
from smartwatts_ml.readings.report import Rejected, quarantine_key

__all__ = ["BeaconFile", "BeaconReport", "read_beacons"]

_FILE_BYTES = 64 << 20
"""Most bytes of a file of beacons, unpacked."""
_FILE_LINES = 500_000
_OF_ONE_GATEWAY = 1000
"""Most lines of one gateway in a file: 200 days of five models, once a day each."""
_TEXT_SHOWN = 200
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class BeaconReport:
    """What became of one file: header + blank + accepted + duplicate + rejected = lines.

    A duplicate tells of a gateway, model, version and hour that another line told of.
    ``clamped``: of those accepted, how many were from the future and count as of when the file
    arrived. ``reasons``: rejected lines by why. ``left``: why nothing was taken of the file.
    """

    key: str
    lines: int = 0
    header: int = 0
    blank: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    clamped: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""
    left: str | None = None

    @property
    def adds_up(self) -> bool:
        """Whether every line is accounted for."""
        parts = self.header + self.blank + self.accepted + self.duplicate + self.rejected
        return parts == self.lines

    def settled(self, duplicate: int) -> BeaconReport:
        """So many more of those that were accepted tell what the table has."""
        return replace(
            self, accepted=self.accepted - duplicate, duplicate=self.duplicate + duplicate
        )

    def why_rejected(self) -> str:
        """The most common reasons, for people."""
        ranked = sorted(self.reasons.items(), key=lambda item: -item[1])
        return "; ".join(f"{count} × {why}" for why, count in ranked[:3])

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"quarantine": quarantine_key(self.digest) if self.rejected else None}


@dataclass(frozen=True)
class BeaconFile:
    """The beacons of a file, whose times are none of the future, and what became of its lines."""

    beacons: list[Beacon]
    report: BeaconReport


def read_beacons(path: Path, key: str, arrived: datetime, quarantine: Quarantine) -> BeaconFile:
    """Read a file of JSON lines or of CSV with a header, plain, .gz or .zst. What is rejected goes
    to ``quarantine``. Raises BadInputError where nothing of it can be used.

    ``arrived``: when the file came, by the root's clock; a beacon from later counts as of then.
    """
    content = Content(path, key)
    lines = _Lines(content.start.removeprefix(_BOM).lstrip()[:1] == b"{", quarantine)
    beacons: list[Beacon] = []
    seen: set[tuple[object, ...]] = set()
    duplicate = clamped = 0
    for number, line, cut in _physical_lines(content):
        beacon = lines.take(number, line, cut)
        if beacon is None:
            continue
        late = beacon.time > arrived
        beacon = replace(beacon, time=arrived) if late else beacon
        about = (beacon.gateway, beacon.model, beacon.version, _hour(beacon.time))
        if about in seen:
            duplicate += 1
            continue
        seen.add(about)
        clamped += late
        beacons.append(beacon)
    report = BeaconReport(
        key,
        lines.count,
        lines.header,
        lines.blank,
        len(beacons),
        duplicate,
        lines.reasons.total(),
        clamped,
        dict(sorted(lines.reasons.items())),
        content.digest,
    )
    if not beacons and report.rejected:
        raise BadInputError(
            f"{key} has no beacon in it: {report.why_rejected()}",
            fix="JSON lines, or CSV with a header, as docs/fleet.md has them",
        )
    return BeaconFile(beacons, report)


def _hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


class _Lines:
    """What each line is, and how many there are of each sort."""

    def __init__(self, is_json: bool, quarantine: Quarantine) -> None:
        self._is_json = is_json
        self._quarantine = quarantine
        self._columns: list[str] = []
        self._of_gateway: Counter[str] = Counter()
        self.count = self.header = self.blank = 0
        self.reasons: Counter[str] = Counter()

    def take(self, number: int, line: bytes, cut: bool) -> Beacon | None:
        self.count += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if not line.strip():
            self.blank += 1
            return None
        try:
            return self._beacon(line, cut)
        except UnfitError as why:
            text = line[:_TEXT_SHOWN].decode(errors="replace").strip()
            self._quarantine.add([Rejected(number, str(why), text)])
            self.reasons[str(why)] += 1
            return None

    def _beacon(self, line: bytes, cut: bool) -> Beacon | None:
        if len(line) > LINE_BYTES:
            raise UnfitError(f"is longer than {LINE_BYTES} bytes")
        if not self._is_json and not self._columns:
            self._columns = columns_of(line)
            self.header += 1
            return None
        if cut and not self._is_json:
            raise UnfitError("is cut off: the file ends without the end of its line")
        beacon = of_json(line) if self._is_json else of_csv(line, self._columns)
        self._of_gateway[beacon.gateway] += 1
        if self._of_gateway[beacon.gateway] > _OF_ONE_GATEWAY:
            raise UnfitError(
                f"is beyond the {_OF_ONE_GATEWAY} lines that a gateway may have in a file"
            )
        return beacon


def _physical_lines(content: Content) -> Iterator[tuple[int, bytes, bool]]:
    """Number, bytes (of a line that is too long only its start) and whether the file ends in it."""
    number, size, start = 0, 0, b""
    for piece in content.pieces():
        size += len(piece)
        if size > _FILE_BYTES or number + piece.count(b"\n") > _FILE_LINES:
            raise BadInputError(
                f"{content.name} has more than {_FILE_BYTES >> 20} MiB or {_FILE_LINES:,} lines",
                fix="split it",
            )
        *whole, rest = piece.split(b"\n")
        for line in whole:
            number += 1
            yield number, start + line[: LINE_BYTES + 1], False
            start = b""
        start = (start + rest)[: LINE_BYTES + 1]
    if start:
        yield number + 1, start, True
