"""What an anomaly file says of itself."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from smartwatts_ml.kinds.anomaly.layout import TYPES
from smartwatts_ml.kinds.details import Details

__all__ = ["AnomalyDetails", "LimitDetails"]


class LimitDetails(BaseModel):
    """How a home's limit moves above the threshold, in nines: ``step`` up with each alert, to at
    most ``most``, and down by ``fall`` an hour."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    step: float = Field(ge=0)
    fall: float = Field(ge=0)
    most: float = Field(ge=0)


class AnomalyDetails(Details):
    """``threshold``: score from which on an hour may start an alert, set so that normal
    readings raise ``max_alerts_per_month`` a device-month; ``alert_rule`` in words.
    ``quiet_repeats``: whether alerts that repeat themselves are told once; ``limit``: how a
    home's limit moves then, None in files of before there was one."""

    context_hours: int = Field(ge=14 * 24, le=56 * 24)
    threshold: float = Field(ge=0, le=1)
    threshold_logit: float
    alert_rule: str
    quiet_repeats: bool = True
    limit: LimitDetails | None = None
    max_alerts_per_month: float = Field(ge=0)
    min_present_hours: int = Field(ge=0)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        rise = [tensor.name for tensor in self.outputs if tensor.name == "rise"]
        return {
            "history_w": (1, self.context_hours, 1),
            "hour_of_week": (1, 1),
            **dict.fromkeys(("score", "alert", *rise, "expected_w"), (1, 1)),
            "likeness": (1, len(TYPES)),
        }
