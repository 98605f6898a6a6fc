"""What NILM does with trained models."""

from __future__ import annotations

from pkgutil import resolve_name

from smartwatts_ml.kinds.base import Work
from smartwatts_ml.kinds.charts import Figure
from smartwatts_ml.kinds.nilm.appliances import on_threshold
from smartwatts_ml.kinds.nilm.charts import charts
from smartwatts_ml.kinds.nilm.details import NilmDetails
from smartwatts_ml.kinds.nilm.evaluation import evaluate
from smartwatts_ml.kinds.nilm.metrics import headline
from smartwatts_ml.kinds.nilm.prediction import predict
from smartwatts_ml.kinds.nilm.predictors import NetworkPredictor, NilmPredictor
from smartwatts_ml.kinds.nilm.questions import questions
from smartwatts_ml.kinds.nilm.samples import sample_inputs
from smartwatts_ml.readings.base import MAINS, NOT_DRAWN, Readings
from smartwatts_ml.scores.parts import channel_metrics
from smartwatts_ml.scores.ratios import finite_or_nothing
from smartwatts_ml.scores.scores import Scores

__all__ = ["WORK"]

_BASELINES = "smartwatts_ml.kinds.nilm.baselines:fit_baselines"
"""Loads scikit-learn, for seconds, which neither predictions nor scores need."""


def _thresholds(details: NilmDetails, readings: Readings) -> dict[str, float]:
    """On-thresholds in W of every appliance that the readings hold and samples of this period
    tell: what the model in question says holds for every predictor."""
    named = {name for span in readings.spans() for name in span.channels}
    return {
        name: on_threshold(name, details.period_s, None, details.on_thresholds_w)
        for name in named - {MAINS, *NOT_DRAWN, *details.not_told}
    }


def _figures(
    details: NilmDetails, predictor: NilmPredictor, readings: Readings, scores: Scores, seed: int
) -> dict[str, Figure]:
    """``activations``: those of every site."""
    thresholds = _thresholds(details, readings)
    drawn = charts({"challenger": predictor}, readings, details.period_s, thresholds, None)
    return {"activations": Figure(drawn, across=3)} if drawn else {}


WORK: Work[NilmDetails, NilmPredictor, NetworkPredictor] = Work(
    predictor=NetworkPredictor,
    baselines=lambda details, readings: resolve_name(_BASELINES)(details, readings),
    evaluate=lambda details, predictors, readings, seed: evaluate(
        predictors, readings, details.period_s, _thresholds(details, readings)
    ),
    headline=headline,
    parts=lambda scores: channel_metrics(finite_or_nothing(headline), scores),
    predict=predict,
    sample_inputs=sample_inputs,
    charts=lambda details, predictors, readings, seed: charts(
        predictors, readings, details.period_s, _thresholds(details, readings)
    ),
    figures=_figures,
    questions=questions,
)
