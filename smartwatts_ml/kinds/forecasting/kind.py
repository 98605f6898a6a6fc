"""Forecasting as a kind of model."""

from __future__ import annotations

from typing import Any

from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.base import Kind, ModelSpec, Option
from smartwatts_ml.kinds.forecasting.details import ForecastingDetails
from smartwatts_ml.kinds.forecasting.glossary import GLOSSARY
from smartwatts_ml.kinds.forecasting.layout import (
    CONTEXT_HOURS,
    CONTRACT,
    CONTRACT_CHANGES,
    ENERGY,
    FORECAST,
    MAX_HORIZON,
)
from smartwatts_ml.kinds.forecasting.settings import ForecastingSettings, known_country
from smartwatts_ml.scores.scores import Criterion, Floor

__all__ = ["ForecastingKind"]

_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S
_NAMED = {24: "24h", 168: "7d", 720: "30d"}
_MAX_EMBARGO_DAYS = 7
_COVERAGE = (0.6, 0.97)
"""Of truth, what P10 to P90 has to hold at least and at most: 0.8 is meant."""


class ForecastingKind(Kind[ForecastingDetails]):
    """Hourly power of the next hours to weeks, as P10, P50 and P90."""

    name = "forecasting"
    title = "power forecasts"
    intended_use = (
        "Forecasts a home's hourly power as P10, P50 and P90 from its own last four weeks."
    )
    limits = (
        "It wants three days of readings at least; with less than four weeks intervals are wider.",
        "What people are about to change (a journey, a new appliance) it learns once it shows.",
        "Intervals are of single hours: those of a day's energy are narrower than their sum.",
    )
    work_name = "smartwatts_ml.kinds.forecasting.work:WORK"
    trainer_name = "smartwatts_ml.kinds.forecasting.trainer"
    settings_class = ForecastingSettings
    details_class = ForecastingDetails
    glossary = GLOSSARY
    contract, contract_changes = CONTRACT, CONTRACT_CHANGES
    criteria = (
        Criterion("wape", better="lower", role="improve", label="WAPE"),
        Criterion(
            "wql",
            better="lower",
            role="guard",
            label="quantile loss",
            tolerance=0.02,
            relative=True,
        ),
    )
    part_criteria = (Criterion("wql", "lower", "guard", "quantile loss"),)
    required_metrics = ("mape", "rmse_w", "wape")
    train_options = (
        Option(
            "forecast_horizon",
            int,
            24,
            "Hours that one forecast covers.",
            minimum=1,
            maximum=MAX_HORIZON,
        ),
        Option(
            "holidays", str, None, "Country whose public holidays it learns of: US, GB-ENG, DE-BY."
        ),
        Option(
            "temperature", bool, False, "Learn from site/temperature (Celsius) too, where it is."
        ),
    )
    predict_options = (
        Option("from", str, None, "First origin, on the input's own clock. Default: end of data."),
        Option("to", str, None, "Last origin (inclusive). Default: end of data."),
        Option("every", str, None, "Time between two origins: 24h, 7d or a number of hours."),
        Option("energy", bool, False, f"Write kWh by day and in all instead: {', '.join(ENERGY)}."),
    )
    prediction_columns = FORECAST

    def models(self) -> tuple[ModelSpec, ...]:
        return tuple(self.spec(forecast_horizon=hours) for hours in _NAMED)

    def spec(self, **options: Any) -> ModelSpec:
        hours = int(options.get("forecast_horizon") or 24)
        if not 1 <= hours <= MAX_HORIZON:
            raise UsageError(f"a horizon of {hours} hours", fix=f"1 to {MAX_HORIZON} hours")
        return ModelSpec(
            name=f"{self.name}_{_NAMED.get(hours, f'{hours}h')}",
            kind=self.name,
            file_stem=f"{self.name}_{hours}h_model",
            period_s=_HOUR_S,
            window_s=(CONTEXT_HOURS + hours) * _HOUR_S,
            # Training targets end where the holdout begins, and a forecast may look at all
            # that lies before its origin; more than a week would only cost readings.
            embargo_s=min(hours * _HOUR_S, _MAX_EMBARGO_DAYS * _DAY_S),
            holdout_s=hours * _HOUR_S + 7 * _DAY_S,
            channels=("mains", "temperature"),
            parameters={
                "horizon": hours,
                "holidays": known_country(options.get("holidays") or ""),
                "temperature": bool(options.get("temperature")),
            },
        )

    def spec_of(self, details: ForecastingDetails) -> ModelSpec:
        return self.spec(
            forecast_horizon=details.horizon,
            holidays=details.exogenous.country,
            temperature=details.exogenous.temperature,
        )

    def floors(self, details: ForecastingDetails) -> tuple[Floor, ...]:
        """WAPE is of P50 alone: P10 and P90 have to mean what they say, about."""
        least, most = _COVERAGE
        label = "of truth between P10 and P90"
        return (
            Floor("coverage_80", "higher", least, label),
            Floor("coverage_80", "lower", most, label),
        )

    def columns(self, **options: Any) -> tuple[str, ...]:
        return ENERGY if options.get("energy") else FORECAST

    def overlap_weeks(self, spec: ModelSpec) -> int:
        return -(-int(spec.parameters["horizon"]) // (7 * 24))
