"""Anomaly detection: a calibrated score and an alert for every hour of a home's mains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.anomaly.settings import AnomalySettings, anomaly_settings
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
    from smartwatts_ml.kinds.anomaly.training import Fitted
    from smartwatts_ml.kinds.charts import Chart
    from smartwatts_ml.readings.base import Readings

__all__ = ["AnomalyKind"]

LEAST_RECALL = 0.05
"""Share of events that has to raise an alert."""
HOUR = 3600
DAY = 24 * HOUR


class AnomalyKind(Kind):
    """One network for all homes: what is unusual is measured against a home's own weeks."""

    name = "anomaly"
    title = "anomaly detection"
    criteria = (
        Criterion("pr_auc", "higher", "improve", "PR-AUC"),
        Criterion(
            "false_alerts_per_month", "lower", "guard", "false alerts a month", tolerance=0.5
        ),
        Criterion("f1", "higher", "guard", "F1", tolerance=0.02),
    )
    required_metrics = ("precision", "recall", "f1", "pr_auc")
    train_options = (
        Option(
            "threshold",
            float,
            None,
            "Alert above this quantile of the training scores, e.g. 0.95; without it the "
            "alert budget decides.",
            minimum=0.5,
            maximum=1.0,
        ),
        Option(
            "max_alerts_per_month",
            float,
            None,
            "Alert budget a device-month on normal readings; with --threshold the stricter wins.",
            minimum=0.01,
        ),
    )
    predict_options = (
        Option(
            "alerts",
            bool,
            False,
            "A row for each alert instead: start, end, severity, what it looks like, kWh above "
            "or below what is usual, and a sentence.",
        ),
    )
    prediction_columns = ("device_id", "timestamp", "score", "alert")

    def settings_class(self) -> type[TomlSettings]:
        return AnomalySettings

    def models(self) -> tuple[ModelSpec, ...]:
        return (self.spec(),)

    def spec(self, **options: Any) -> ModelSpec:
        """The one model; ``options`` move its threshold, not what it is."""
        return ModelSpec(
            name="anomaly",
            kind=self.name,
            file_stem="anomaly_model",
            period_s=HOUR,
            window_s=anomaly_settings().context_days * DAY,
            holdout_s=14 * DAY,
        )

    def train(
        self, spec: ModelSpec, readings: Readings, options: TrainOptions, progress: Progress
    ) -> Trained:
        from smartwatts_ml.kinds.anomaly.training import fit

        unknown = set(options.extra) - {option.name for option in self.train_options}
        if unknown:
            raise UsageError(f"the anomaly model has no option {', '.join(sorted(unknown))}")
        settings = anomaly_settings()
        fitted = fit(readings, settings, options, progress)
        details = self._details(spec, settings, options, fitted)
        notes = (
            f"{fitted.windows:,} windows of {fitted.sites} sites; calibrated on "
            f"{fitted.calibration_months:.1f} device-months",
            f"alerts {details['alert_rule']}: score {details['threshold']:.4f} and above",
        )
        return Trained(fitted.network, details, fitted.log, notes)

    def _details(
        self, spec: ModelSpec, settings: AnomalySettings, options: TrainOptions, fitted: Fitted
    ) -> Details:
        from smartwatts_ml.kinds.anomaly.injection import TYPES

        context = settings.context_days * 24
        quantile = options.extra.get("threshold")
        budget = options.extra.get("max_alerts_per_month")
        if quantile is None or budget is not None:
            budget = budget or settings.max_alerts_per_month
        rules = []
        if budget is not None:
            rules.append(f"at most {budget:g} a device-month")
        if quantile is not None:
            rules.append(f"above the {quantile:g} quantile of training scores")
        calibration = fitted.calibration
        return {
            "kind": self.name,
            "model": spec.name,
            "inputs": [
                {
                    "name": "history_w",
                    "shape": [1, context, 1],
                    "dtype": "float32",
                    "unit": "W",
                    "period_s": HOUR,
                    "missing": "nan",
                },
                {
                    "name": "hour_of_week",
                    "shape": [1, 1],
                    "dtype": "float32",
                    "unit": "local hour of the newest reading, 0 = Monday 00:00",
                },
            ],
            "outputs": [
                {"name": "score", "shape": [1, 1], "unit": "conformal rank, 0..1"},
                {"name": "alert", "shape": [1, 1], "unit": "0 or 1"},
                {
                    "name": "likeness",
                    "shape": [1, len(TYPES)],
                    "unit": "share of each type, should it be an anomaly",
                    "channels": list(TYPES),
                },
                {"name": "expected_w", "shape": [1, 1], "unit": "W"},
            ],
            "context_hours": context,
            "threshold": float(calibration.score(calibration.threshold)),
            "threshold_logit": calibration.threshold,
            "alert_rule": " and ".join(rules),
            "quiet_repeats": budget is not None,
            "max_alerts_per_month": settings.max_alerts_per_month if budget is None else budget,
            "min_present_hours": settings.min_present_hours,
        }

    def baselines(
        self, spec: ModelSpec, details: Details, readings: Readings
    ) -> dict[str, Predictor]:
        from smartwatts_ml.kinds.anomaly.baseline import fit_hour_of_week_mad

        budget = float(details["max_alerts_per_month"])
        return {"hour_of_week_mad": fit_hour_of_week_mad(readings, budget)}

    def floors(self, details: Details) -> tuple[Floor, ...]:
        """Alerts may exceed the budget that the threshold was set for by half, not more; and
        scores that rank well are worth nothing where no event ever reaches the threshold."""
        limit = 1.5 * float(details["max_alerts_per_month"])
        return (
            Floor("false_alerts_per_month", "lower", limit, "false alerts a month"),
            Floor("event_recall", "higher", LEAST_RECALL, "of events with an alert"),
        )

    def predictor(self, network: Network) -> Predictor:
        from smartwatts_ml.kinds.anomaly.predictor import NetworkScorer

        return NetworkScorer(network)

    def evaluate(
        self, spec: ModelSpec, predictors: Mapping[str, Predictor], readings: Readings, seed: int
    ) -> dict[str, Scores]:
        from smartwatts_ml.kinds.anomaly.evaluation import evaluate

        return evaluate(predictors, readings, seed)

    def charts(
        self, spec: ModelSpec, predictors: Mapping[str, Predictor], readings: Readings, seed: int
    ) -> tuple[Chart, ...]:
        from smartwatts_ml.kinds.anomaly.charts import charts

        return charts(predictors, readings, seed)

    def evaluation_figures(self, predictor: Predictor, readings: Readings) -> dict[str, bytes]:
        from smartwatts_ml.kinds.anomaly.pictures import figures

        return figures(predictor, readings)

    def headline(self, sums: np.ndarray) -> dict[str, float]:
        from smartwatts_ml.kinds.anomaly.metrics import headline

        return headline(sums)

    def columns(self, **options: Any) -> tuple[str, ...]:
        from smartwatts_ml.kinds.anomaly.alerts import ALERT_COLUMNS

        return ALERT_COLUMNS if options.get("alerts") else self.prediction_columns

    def predict(
        self, predictor: Predictor, readings: Readings, **options: Any
    ) -> Iterator[pd.DataFrame]:
        from smartwatts_ml.kinds.anomaly.predictor import alerts, predictions

        return (alerts if options.get("alerts") else predictions)(predictor, readings)

    def sample_inputs(self, details: Details, count: int, seed: int) -> dict[str, np.ndarray]:
        from smartwatts_ml.kinds.anomaly.predictor import sample_windows

        return sample_windows(count, int(details["context_hours"]), seed)
