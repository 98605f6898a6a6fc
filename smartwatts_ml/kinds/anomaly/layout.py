"""Columns of the tables that anomaly detection gives."""

from __future__ import annotations

__all__ = ["ALERT", "SCORE"]

SCORE = ("device_id", "timestamp", "score", "alert")
ALERT = ("device_id", "start", "end", "severity", "kind", "energy_kwh", "message")
