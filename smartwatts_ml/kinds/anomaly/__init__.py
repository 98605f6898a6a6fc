"""Anomaly detection on hourly mains. Light to import: the heavy half is in the methods."""

from smartwatts_ml.kinds.anomaly.kind import AnomalyKind

__all__ = ["KIND"]

KIND = AnomalyKind()
