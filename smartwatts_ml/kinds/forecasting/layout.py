"""What forecasting files and tables have in common: sizes, names of inputs, columns."""

from __future__ import annotations

__all__ = [
    "CONTEXT_DAYS",
    "CONTEXT_HOURS",
    "CONTEXT_WEEKS",
    "CONTRACT",
    "CONTRACT_CHANGES",
    "ENERGY",
    "FORECAST",
    "HOLIDAY",
    "MAX_HORIZON",
    "TEMPERATURE",
    "day_names",
]

CONTEXT_WEEKS = 4
CONTEXT_DAYS = CONTEXT_WEEKS * 7
CONTEXT_HOURS = CONTEXT_DAYS * 24
MAX_HORIZON = 720
"""Hours, the longest."""
HOLIDAY = "holiday"
TEMPERATURE = "temperature_c"
FORECAST = ("device_id", "issued_at", "timestamp", "consumption", "p10", "p90")
ENERGY = ("device_id", "issued_at", "period", "hours", "energy_kwh", "p10_kwh", "p90_kwh")
CONTRACT = 2
CONTRACT_CHANGES = {
    2: "its hours were those of UTC, and now it gets hours of the wall clock, which differ where "
    "clocks change and in zones that are not whole hours from UTC"
}


def day_names(horizon: int) -> tuple[str, ...]:
    """The days of a horizon, each a part that is judged by itself; a short one is whole.

    >>> day_names(48), day_names(24)
    (('day 1', 'day 2'), ())
    """
    days = -(-horizon // 24)
    return tuple(f"day {day + 1}" for day in range(days)) if days > 1 else ()
