"""The checks by name: a bit of a reading's flags each, and what it means in plain words."""

from __future__ import annotations

from enum import IntFlag

import numpy as np

__all__ = ["SUSPECT", "WORDS", "Flag", "names"]


class Flag(IntFlag):
    """What may be wrong with a reading; flags of readings are uint16 arrays of these bits."""

    NEGATIVE = 1
    FUSE = 2
    STUCK = 4
    ZERO = 8
    CLIPPED = 16
    BALANCE = 32
    CLOCK = 64
    UNIT = 128
    GAP = 256
    SPREAD = 512
    LOW = 1024


WORDS = {
    Flag.NEGATIVE: "negative power",
    Flag.FUSE: "beyond the fuse",
    Flag.LOW: "too low for a home, as kW for W is",
    Flag.STUCK: "stuck at one value",
    Flag.ZERO: "mains at exactly zero",
    Flag.CLIPPED: "clipped at a ceiling",
    Flag.BALANCE: "appliances exceed mains",
    Flag.CLOCK: "clock jump",
    Flag.UNIT: "unit changed",
    Flag.GAP: "long gap",
    Flag.SPREAD: "mean over a hole",
}
"""The same order everywhere: tables, pages, JSON."""

SUSPECT = np.uint16(sum(flag for flag in Flag if flag not in (Flag.GAP, Flag.SPREAD)))
"""Bits that put a reading itself in doubt. A gap is not one: the reading before it is sound,
and on a grid the gap is NaN anyway. Nor is a mean over a hole: its energy is right."""


def names(bits: int) -> list[str]:
    """Names of the flags that are set.

    >>> names(Flag.STUCK | Flag.GAP)
    ['stuck', 'gap']
    """
    return [str(flag.name).lower() for flag in WORDS if bits & flag]
