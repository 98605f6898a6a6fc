"""What anomaly detection does with trained models."""

from __future__ import annotations

from collections.abc import Mapping

from smartwatts_ml.kinds.anomaly.baseline import fit_hour_of_week_mad
from smartwatts_ml.kinds.anomaly.charts import charts, figures
from smartwatts_ml.kinds.anomaly.details import AnomalyDetails
from smartwatts_ml.kinds.anomaly.evaluation import Scorer, evaluate
from smartwatts_ml.kinds.anomaly.metrics import headline
from smartwatts_ml.kinds.anomaly.predictor import NetworkScorer, predict
from smartwatts_ml.kinds.anomaly.samples import sample_inputs
from smartwatts_ml.kinds.base import Work
from smartwatts_ml.kinds.charts import Chart, Figure
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.scores.scores import Scores

__all__ = ["WORK"]


def _baselines(details: AnomalyDetails, readings: Readings) -> dict[str, Scorer]:
    return {"hour_of_week_mad": fit_hour_of_week_mad(readings, details.max_alerts_per_month)}


def _evaluate(
    details: AnomalyDetails, scorers: Mapping[str, Scorer], readings: Readings, seed: int
) -> dict[str, Scores]:
    return evaluate(scorers, readings, seed)


def _charts(
    details: AnomalyDetails, scorers: Mapping[str, Scorer], readings: Readings, seed: int
) -> tuple[Chart, ...]:
    return charts(scorers, readings, seed)


def _figures(
    details: AnomalyDetails, scorer: Scorer, readings: Readings, scores: Scores, seed: int
) -> dict[str, Figure]:
    return figures(scorer, readings, seed)


WORK: Work[AnomalyDetails, Scorer, NetworkScorer] = Work(
    predictor=NetworkScorer,
    baselines=_baselines,
    evaluate=_evaluate,
    headline=headline,
    predict=predict,
    sample_inputs=sample_inputs,
    charts=_charts,
    figures=_figures,
)
