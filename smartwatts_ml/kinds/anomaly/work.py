"""What anomaly detection does with trained models."""

from __future__ import annotations

from smartwatts_ml.kinds.anomaly.baseline import fit_hour_of_week_mad
from smartwatts_ml.kinds.anomaly.charts import charts, figures
from smartwatts_ml.kinds.anomaly.details import AnomalyDetails
from smartwatts_ml.kinds.anomaly.evaluation import evaluate
from smartwatts_ml.kinds.anomaly.metrics import headline
from smartwatts_ml.kinds.anomaly.predictor import NetworkScorer, predict
from smartwatts_ml.kinds.anomaly.samples import sample_inputs
from smartwatts_ml.kinds.anomaly.scorer import Scorer
from smartwatts_ml.kinds.anomaly.tables import part_metrics
from smartwatts_ml.kinds.base import Work

__all__ = ["WORK"]


WORK: Work[AnomalyDetails, Scorer, NetworkScorer] = Work(
    predictor=NetworkScorer,
    baselines=lambda details, readings: {
        "hour_of_week_mad": fit_hour_of_week_mad(readings, details.max_alerts_per_month)
    },
    evaluate=lambda details, scorers, readings, seed: evaluate(scorers, readings, seed),
    headline=headline,
    parts=part_metrics,
    predict=predict,
    sample_inputs=sample_inputs,
    charts=lambda details, scorers, readings, seed: charts(scorers, readings, seed),
    figures=lambda details, scorer, readings, scores, seed: figures(scorer, readings, seed),
)
