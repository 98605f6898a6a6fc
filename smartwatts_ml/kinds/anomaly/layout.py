"""Columns of the tables that anomaly detection gives; types and sizes of what it finds."""

from __future__ import annotations

import math

__all__ = ["ALERT", "CONTRACT", "CONTRACT_CHANGES", "SCORE", "SIZES", "TYPES"]

SCORE = ("device_id", "timestamp", "score", "alert")
ALERT = ("device_id", "start", "end", "severity", "kind", "energy_kwh", "message")
TYPES = ("spike", "outage", "stuck", "creep", "shift", "high", "scale")
"""What an anomaly can be, in the order of the output ``likeness``: see ``injection``."""
SIZES = {
    "changes up to 0.5 of the mean": (0.0, 0.5),
    "changes of 0.5 to 1 of the mean": (0.5, 1.0),
    "changes of 1 of the mean and more": (1.0, math.inf),
}
"""How much an event changes its hours, from and below, as a share of a site's mean power."""
CONTRACT = 2
CONTRACT_CHANGES = {
    2: "its hours were those of UTC, and now it gets hours of the wall clock, which differ where "
    "clocks change and in zones that are not whole hours from UTC"
}
