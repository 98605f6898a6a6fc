"""What an anomaly file says of itself."""

from __future__ import annotations

from smartwatts_ml.kinds.details import Details

__all__ = ["AnomalyDetails"]


class AnomalyDetails(Details):
    """``threshold``: score from which on an hour may start an alert, set so that normal
    readings raise ``max_alerts_per_month`` a device-month; ``alert_rule`` in words.
    ``quiet_repeats``: whether alerts that repeat themselves are told once."""

    context_hours: int
    threshold: float
    threshold_logit: float
    alert_rule: str
    quiet_repeats: bool = True
    max_alerts_per_month: float
    min_present_hours: int
