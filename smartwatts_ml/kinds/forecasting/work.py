"""What forecasting does with trained models."""

from __future__ import annotations

from smartwatts_ml.kinds.base import Work
from smartwatts_ml.kinds.forecasting.charts import charts, figures
from smartwatts_ml.kinds.forecasting.details import ForecastingDetails
from smartwatts_ml.kinds.forecasting.evaluation import evaluate
from smartwatts_ml.kinds.forecasting.metrics import headline
from smartwatts_ml.kinds.forecasting.prediction import predict, remarks
from smartwatts_ml.kinds.forecasting.predictors import Forecaster, NetworkForecaster, SameHourMean
from smartwatts_ml.kinds.forecasting.samples import sample_inputs
from smartwatts_ml.scores.parts import channel_metrics
from smartwatts_ml.scores.ratios import finite_or_nothing

__all__ = ["WORK"]


WORK: Work[ForecastingDetails, Forecaster, Forecaster] = Work(
    predictor=NetworkForecaster,
    # Both look at the readings before each origin alone, so nothing is fitted.
    baselines=lambda details, readings: {
        "four_week_mean": SameHourMean(details.horizon, weeks=4),
        "last_week": SameHourMean(details.horizon, weeks=1),
    },
    evaluate=lambda details, forecasters, readings, seed: evaluate(
        details.horizon, forecasters, readings
    ),
    headline=headline,
    parts=lambda scores: channel_metrics(finite_or_nothing(headline), scores),
    predict=predict,
    sample_inputs=sample_inputs,
    charts=lambda details, forecasters, readings, seed: charts(
        details.horizon, forecasters, readings
    ),
    figures=lambda details, forecaster, readings, scores, seed: figures(
        forecaster, readings, scores
    ),
    remarks=remarks,
)
