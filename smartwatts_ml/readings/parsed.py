"""What parsing a block of lines gives: rows, and the lines that gave none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from smartwatts_ml.readings.clock import LocalClock
from smartwatts_ml.readings.report import FAULTS
from smartwatts_ml.settings import Source

__all__ = ["FOLD", "NO_LABEL", "FileSource", "Parsed", "Rejected", "labels_of"]

NO_LABEL = 0
"""Label codes: 0 is none, 1 stands for the label 0, 2 for the label 1."""
FOLD = 4
"""Bit of a label code: the stamp is one of two instants, as yet the first."""


@dataclass(frozen=True)
class FileSource:
    """How the rows of one file are to be understood. ``clock`` is None where it is UTC."""

    source: Source
    clock: LocalClock | None


@dataclass(frozen=True)
class Rejected:
    """A line that gave no row: ``fault`` is a code of ``FAULTS``, ``text`` what is wrong."""

    line: int
    fault: str
    text: str

    @property
    def why(self) -> str:
        """Column and reason, for people."""
        fault = FAULTS[self.fault]
        return f"{fault.column} {fault.reason}".strip()


@dataclass(frozen=True)
class Parsed:
    """Rows of a block in the order of its lines; each array of shape (n,).

    ``stamps`` int64, µs since the epoch, UTC; ``values`` float64, in W, Wh or kWh of a
    counter, as the source's unit says; ``devices`` int32, index into ``names``; ``labels``
    uint8 codes; ``lines`` int64, physical line numbers.
    """

    stamps: np.ndarray
    values: np.ndarray
    devices: np.ndarray
    names: Sequence[str]
    labels: np.ndarray
    lines: np.ndarray
    blank: int = 0
    rejected: Sequence[Rejected] = field(default=())

    def __len__(self) -> int:
        return len(self.stamps)

    @property
    def accounted(self) -> int:
        """Lines that became a row, were blank or were rejected."""
        return len(self) + self.blank + len(self.rejected)


def labels_of(codes: np.ndarray) -> np.ndarray:
    """Label codes as float32: 0, 1, NaN where there is none.

    >>> labels_of(np.array([0, 1, 2, 6], "u1"))
    array([nan,  0.,  1.,  1.], dtype=float32)
    """
    return np.array([np.nan, 0.0, 1.0], np.float32)[codes & 3]
