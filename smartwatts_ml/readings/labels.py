"""What people said of their homes: weak labels, true of a stretch of time as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["ALERT", "Label"]

ALERT = "alert"
"""What a label is of that says whether an alert was right."""


@dataclass(frozen=True)
class Label:
    """Of the time from ``start`` to ``end`` (exclusive; datetime64[s], UTC) in one home.

    ``yes``: the ``appliance`` ran in it at some time; otherwise it never did. Of an ``ALERT``:
    whether something was the matter.
    """

    site: str
    appliance: str
    start: np.datetime64
    end: np.datetime64
    yes: bool
