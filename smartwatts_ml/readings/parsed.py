"""What parsing a block of lines gives: rows, and the lines that gave none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from smartwatts_ml.readings.clock import LocalClock
from smartwatts_ml.readings.report import Rejected
from smartwatts_ml.readings.units import Quantity

__all__ = [
    "FOLD",
    "NO_LABEL",
    "Measure",
    "Parsed",
    "ParsedBlock",
    "Stream",
    "labels_of",
    "part_name",
    "split_part",
]

NO_LABEL = 0
"""Label codes: 0 is none, 1 stands for the label 0, 2 for the label 1."""
FOLD = 4
"""Bit of a label code: the stamp is one of two instants, as yet the first."""
_PART = "\x1f"


@dataclass(frozen=True)
class Measure:
    """What numbers are: mean W ("power"), Wh of an interval ("energy"), or kWh that a meter
    has counted ("total").

    ``interval_s``: seconds of each interval, where somebody said so. ``ends``: stamps are the
    ends of their intervals. ``late``: totals are those at the ends of their intervals. ``held``:
    a value holds until the next one of its device.
    """

    quantity: Quantity
    interval_s: float | None = None
    ends: bool = False
    late: bool = False
    held: bool = False

    @property
    def interval_untold(self) -> bool:
        """Whether it is energy of an interval that the readings have to tell."""
        return self.quantity == "energy" and self.interval_s is None

    @property
    def needs_series(self) -> bool:
        """Whether a row means something only with those before and after it."""
        untold = self.quantity == "energy" or self.ends or self.late or self.held
        return self.quantity == "total" or (untold and self.interval_s is None)


@dataclass(frozen=True)
class Stream:
    """Rows of one file and one measure. ``clock`` is None where the file's is UTC."""

    file: int
    measure: Measure
    clock: LocalClock | None


def part_name(device: str, sign: int, register: str) -> str:
    """A device's part: what one register counts, which is added (1) or taken away (-1).

    >>> split_part(part_name("home1/mains", -1, "Export T1"))
    ('home1/mains', -1, 'Export T1')
    """
    return f"{device}{_PART}{'-' if sign < 0 else '+'}{register}"


def split_part(name: str) -> tuple[str, int, str]:
    """Device, sign and register of a part; sign 0 and no register where it is the whole."""
    device, mark, part = name.partition(_PART)
    return (device, -1 if part[0] == "-" else 1, part[1:]) if mark else (device, 0, "")


@dataclass(frozen=True)
class Parsed:
    """Rows of one measure of a block, those of a device in the order of their lines; each
    array of shape (n,).

    ``stamps`` int64, µs since the epoch, UTC; ``values`` float64, in the unit of ``measure``;
    ``devices`` int32, index into ``names``, which may be parts; ``labels`` uint8 codes;
    ``lines`` int64, line numbers; ``seconds`` float64, how long each row lasts, None where the
    file does not say it.
    """

    measure: Measure
    stamps: np.ndarray
    values: np.ndarray
    devices: np.ndarray
    names: Sequence[str]
    labels: np.ndarray
    lines: np.ndarray
    seconds: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.stamps)

    def take(self, chosen: np.ndarray) -> Parsed:
        """The rows that a mask or an index picks."""
        arrays = ["stamps", "values", "devices", "labels", "lines"]
        arrays += ["seconds"] if self.seconds is not None else []
        return replace(self, **{name: getattr(self, name)[chosen] for name in arrays})


@dataclass(frozen=True)
class ParsedBlock:
    """What became of a block of lines. ``read``: lines that gave a row; ``blank``; ``missing``:
    lines whose values are all missing; ``rejected``: lines, and single ``values`` of lines
    that gave rows all the same. ``ends``: rows without a value (NaN), from whose stamps on
    nothing holds."""

    rows: Sequence[Parsed]
    read: int
    blank: int = 0
    missing: int = 0
    rejected: Sequence[Rejected] = field(default=())
    ends: Sequence[Parsed] = ()

    def __len__(self) -> int:
        return sum(map(len, self.rows))

    @property
    def last_line(self) -> int:
        """Number of the last line that gave a row or was rejected; 0 if there is none."""
        rows = (int(part.lines.max()) for part in self.rows if len(part))
        return max([*rows, *(row.line for row in self.rejected)], default=0)

    def without_line(self, rejected: Rejected) -> ParsedBlock:
        """Less the rows of a line, which is rejected."""
        kept = [part.take(part.lines != rejected.line) for part in self.rows]
        others = [row for row in self.rejected if row.line != rejected.line]
        return replace(self, rows=kept, read=self.read - 1, rejected=[*others, rejected])

    def without_rows(self, chosen: Sequence[np.ndarray], rejected: Rejected) -> ParsedBlock:
        """Less some rows of each part, which are a value of a line that has others."""
        kept = [part.take(~rows) for part, rows in zip(self.rows, chosen, strict=True)]
        return replace(self, rows=kept, rejected=[*self.rejected, rejected])

    def with_rejected(self, rejected: Sequence[Rejected]) -> ParsedBlock:
        """And lines beside them that are rejected."""
        if not rejected:
            return self
        return replace(self, rejected=sorted([*self.rejected, *rejected], key=lambda row: row.line))

    @property
    def accounted(self) -> int:
        """Lines that gave a row, were blank, without a value or rejected."""
        lines = sum(not row.of_value for row in self.rejected)
        return self.read + self.blank + self.missing + lines


def labels_of(codes: np.ndarray) -> np.ndarray:
    """Label codes as float32: 0, 1, NaN where there is none.

    >>> labels_of(np.array([0, 1, 2, 6], "u1"))
    array([nan,  0.,  1.,  1.], dtype=float32)
    """
    return np.array([np.nan, 0.0, 1.0], np.float32)[codes & 3]
