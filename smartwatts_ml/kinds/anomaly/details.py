"""What an anomaly file says of itself."""

from __future__ import annotations

from pydantic import Field

from smartwatts_ml.kinds.anomaly.layout import TYPES
from smartwatts_ml.kinds.details import Details

__all__ = ["AnomalyDetails"]


class AnomalyDetails(Details):
    """``threshold``: score from which on an hour may start an alert, set so that normal
    readings raise ``max_alerts_per_month`` a device-month; ``alert_rule`` in words.
    ``quiet_repeats``: whether alerts that repeat themselves are told once."""

    context_hours: int = Field(ge=14 * 24, le=56 * 24)
    threshold: float = Field(ge=0, le=1)
    threshold_logit: float
    alert_rule: str
    quiet_repeats: bool = True
    max_alerts_per_month: float = Field(ge=0)
    min_present_hours: int = Field(ge=0)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {
            "history_w": (1, self.context_hours, 1),
            "hour_of_week": (1, 1),
            **dict.fromkeys(("score", "alert", "expected_w"), (1, 1)),
            "likeness": (1, len(TYPES)),
        }
