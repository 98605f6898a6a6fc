"""What forecasting does with trained models."""

from __future__ import annotations

from collections.abc import Mapping

from smartwatts_ml.kinds.base import Work
from smartwatts_ml.kinds.charts import Chart, Figure, Heatmap
from smartwatts_ml.kinds.forecasting.charts import charts, figures
from smartwatts_ml.kinds.forecasting.details import ForecastingDetails
from smartwatts_ml.kinds.forecasting.evaluation import evaluate
from smartwatts_ml.kinds.forecasting.metrics import headline
from smartwatts_ml.kinds.forecasting.prediction import predict, remarks
from smartwatts_ml.kinds.forecasting.predictors import Forecaster, NetworkForecaster, SameHourMean
from smartwatts_ml.kinds.forecasting.samples import sample_inputs
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.scores.scores import Scores

__all__ = ["WORK"]


def _baselines(details: ForecastingDetails, readings: Readings) -> dict[str, Forecaster]:
    """Both look at the readings before each origin alone, so nothing is fitted."""
    return {
        "four_week_mean": SameHourMean(details.horizon, weeks=4),
        "last_week": SameHourMean(details.horizon, weeks=1),
    }


def _evaluate(
    details: ForecastingDetails,
    predictors: Mapping[str, Forecaster],
    readings: Readings,
    seed: int,
) -> dict[str, Scores]:
    return evaluate(details.horizon, predictors, readings)


def _charts(
    details: ForecastingDetails,
    predictors: Mapping[str, Forecaster],
    readings: Readings,
    seed: int,
) -> tuple[Chart, ...]:
    return charts(details.horizon, predictors, readings)


def _figures(
    details: ForecastingDetails,
    predictor: Forecaster,
    readings: Readings,
    scores: Scores,
    seed: int,
) -> dict[str, Figure | Heatmap]:
    return figures(predictor, readings, scores)


WORK: Work[ForecastingDetails, Forecaster, Forecaster] = Work(
    predictor=NetworkForecaster,
    baselines=_baselines,
    evaluate=_evaluate,
    headline=headline,
    predict=predict,
    sample_inputs=sample_inputs,
    charts=_charts,
    figures=_figures,
    remarks=remarks,
)
