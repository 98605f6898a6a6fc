"""Forecasts of a home's power: P10, P50 and P90 of every hour of the horizon."""

from __future__ import annotations

from smartwatts_ml.kinds.forecasting.kind import ForecastingKind

__all__ = ["KIND"]

KIND = ForecastingKind()
