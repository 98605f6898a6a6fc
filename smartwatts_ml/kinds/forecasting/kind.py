"""Forecasting as a kind of model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.base import (
    Details,
    Kind,
    ModelSpec,
    Network,
    Option,
    Predictor,
    Progress,
    Trained,
    TrainOptions,
)
from smartwatts_ml.scores.scores import Criterion, Floor, Scores

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from smartwatts_ml.configuration import TomlSettings
    from smartwatts_ml.kinds.charts import Chart
    from smartwatts_ml.readings.base import Readings

__all__ = ["ForecastingKind"]

HOUR_S = 3600
DAY_S = 24 * HOUR_S
CONTEXT_DAYS = 28
NAMED = {24: "24h", 168: "7d", 720: "30d"}
MAX_HORIZON = 720
MAX_EMBARGO_DAYS = 7
COVERAGE = (0.6, 0.97)
"""Of truth, what P10 to P90 has to hold at least and at most: 0.8 is meant."""
ENERGY = ("device_id", "issued_at", "period", "hours", "energy_kwh", "p10_kwh", "p90_kwh")


class ForecastingKind(Kind):
    """Hourly power of the next hours to weeks, as P10, P50 and P90."""

    name = "forecasting"
    title = "power forecasts"
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
    prediction_columns = ("device_id", "issued_at", "timestamp", "consumption", "p10", "p90")

    def settings_class(self) -> type[TomlSettings]:
        from smartwatts_ml.kinds.forecasting.settings import ForecastingSettings

        return ForecastingSettings

    def models(self) -> tuple[ModelSpec, ...]:
        return tuple(self.spec(forecast_horizon=hours) for hours in NAMED)

    def spec(self, **options: Any) -> ModelSpec:
        hours = int(options.get("forecast_horizon") or 24)
        if not 1 <= hours <= MAX_HORIZON:
            raise UsageError(f"a horizon of {hours} hours", fix=f"1 to {MAX_HORIZON} hours")
        return ModelSpec(
            name=f"{self.name}_{NAMED.get(hours, f'{hours}h')}",
            kind=self.name,
            file_stem=f"{self.name}_{hours}h_model",
            period_s=HOUR_S,
            window_s=CONTEXT_DAYS * DAY_S + hours * HOUR_S,
            # Training targets end where the holdout begins, and a forecast may look at all
            # that lies before its origin; more than a week would only cost readings.
            embargo_s=min(hours * HOUR_S, MAX_EMBARGO_DAYS * DAY_S),
            holdout_s=hours * HOUR_S + 7 * DAY_S,
            channels=("mains", "temperature"),
            parameters={
                "horizon": hours,
                "holidays": options.get("holidays") or "",
                "temperature": bool(options.get("temperature")),
            },
        )

    def spec_of(self, details: Details) -> ModelSpec:
        outside = details.get("outside") or {}
        return self.spec(
            forecast_horizon=details["horizon"],
            holidays=outside.get("country"),
            temperature=outside.get("temperature"),
        )

    def train(
        self, spec: ModelSpec, readings: Readings, options: TrainOptions, progress: Progress
    ) -> Trained:
        from smartwatts_ml.kinds.forecasting.assembly import train

        return train(spec, readings, options, progress)

    def baselines(
        self, spec: ModelSpec, details: Details, readings: Readings
    ) -> dict[str, Predictor]:
        """Both look at the readings before each origin alone, so nothing is fitted."""
        from smartwatts_ml.kinds.forecasting.predictors import SameHourMean

        horizon = spec.parameters["horizon"]
        return {
            "four_week_mean": SameHourMean(horizon, weeks=4),
            "last_week": SameHourMean(horizon, weeks=1),
        }

    def floors(self, details: Details) -> tuple[Floor, ...]:
        """WAPE is of P50 alone: P10 and P90 have to mean what they say, about."""
        least, most = COVERAGE
        label = "of truth between P10 and P90"
        return (
            Floor("coverage_80", "higher", least, label),
            Floor("coverage_80", "lower", most, label),
        )

    def predictor(self, network: Network) -> Predictor:
        from smartwatts_ml.kinds.forecasting.predictors import NetworkForecaster

        return NetworkForecaster(network, network.details["horizon"])

    def evaluate(
        self, spec: ModelSpec, predictors: Mapping[str, Predictor], readings: Readings, seed: int
    ) -> dict[str, Scores]:
        from smartwatts_ml.kinds.forecasting.evaluation import evaluate

        return evaluate(spec.parameters["horizon"], predictors, readings)

    def charts(
        self, spec: ModelSpec, predictors: Mapping[str, Predictor], readings: Readings, seed: int
    ) -> tuple[Chart, ...]:
        from smartwatts_ml.kinds.forecasting.charts import charts

        return charts(spec.parameters["horizon"], predictors, readings)

    def headline(self, sums: np.ndarray) -> dict[str, float]:
        from smartwatts_ml.kinds.forecasting.metrics import headline

        return headline(sums)

    def columns(self, **options: Any) -> tuple[str, ...]:
        return ENERGY if options.get("energy") else self.prediction_columns

    def remarks(self, readings: Readings) -> list[str]:
        from smartwatts_ml.kinds.forecasting.prediction import short_sites

        return [
            f"{site} has {days} of {CONTEXT_DAYS} days of readings: its intervals are wider"
            for site, days in short_sites(readings).items()
        ]

    def evaluation_figures(self, predictor: Predictor, readings: Readings) -> dict[str, bytes]:
        from smartwatts_ml.kinds.forecasting.pictures import figures

        return figures(predictor, readings)

    def overlap_weeks(self, spec: ModelSpec) -> int:
        return -(-int(spec.parameters["horizon"]) // (7 * 24))

    def predict(
        self, predictor: Predictor, readings: Readings, **options: Any
    ) -> Iterator[pd.DataFrame]:
        from smartwatts_ml.kinds.forecasting.prediction import predict

        return predict(
            predictor,
            readings,
            start=options.get("from_"),
            end=options.get("to"),
            every=options.get("every"),
            energy=bool(options.get("energy")),
        )

    def sample_inputs(self, details: Details, count: int, seed: int) -> dict[str, np.ndarray]:
        from smartwatts_ml.kinds.forecasting.samples import sample_inputs

        return sample_inputs(details, count, seed)
