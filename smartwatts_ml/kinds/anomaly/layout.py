"""Columns of the tables that anomaly detection gives."""

from __future__ import annotations

__all__ = ["ALERT", "CONTRACT", "CONTRACT_CHANGES", "SCORE"]

SCORE = ("device_id", "timestamp", "score", "alert")
ALERT = ("device_id", "start", "end", "severity", "kind", "energy_kwh", "message")
CONTRACT = 2
CONTRACT_CHANGES = {
    2: "its hours were those of UTC, and now it gets hours of the wall clock, which differ where "
    "clocks change and in zones that are not whole hours from UTC"
}
