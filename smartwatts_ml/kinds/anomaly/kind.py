"""Anomaly detection: a calibrated score and an alert for every hour of a home's mains."""

from __future__ import annotations

from typing import Any

from smartwatts_ml.kinds.anomaly.details import AnomalyDetails
from smartwatts_ml.kinds.anomaly.glossary import GLOSSARY
from smartwatts_ml.kinds.anomaly.layout import ALERT, CONTRACT, CONTRACT_CHANGES, SCORE
from smartwatts_ml.kinds.anomaly.settings import AnomalySettings
from smartwatts_ml.kinds.base import Kind, ModelSpec, Option
from smartwatts_ml.scores.scores import Criterion, Floor

__all__ = ["AnomalyKind"]

_LEAST_RECALL = 0.05
"""Share of events that has to raise an alert."""
_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S


class AnomalyKind(Kind[AnomalyDetails]):
    """One network for all homes: what is unusual is measured against a home's own weeks."""

    name = "anomaly"
    title = "anomaly detection"
    intended_use = (
        "Scores how unusual each hour of a home is against its own last four weeks, and alerts."
    )
    limits = (
        "Thresholds carry over badly to devices unlike those that it learned from.",
        "What has gone on for weeks is usual to it.",
        "It sees hours of power alone: no safety device, and no proof that nothing is wrong.",
    )
    work_name = "smartwatts_ml.kinds.anomaly.work:WORK"
    trainer_name = "smartwatts_ml.kinds.anomaly.trainer"
    settings_class = AnomalySettings
    details_class = AnomalyDetails
    glossary = GLOSSARY
    contract, contract_changes = CONTRACT, CONTRACT_CHANGES
    criteria = (
        Criterion("pr_auc", "higher", "improve", "PR-AUC"),
        Criterion(
            "false_alerts_per_month", "lower", "guard", "false alerts a month", tolerance=0.5
        ),
        Criterion("f1", "higher", "guard", "F1", tolerance=0.02),
    )
    part_criteria = (Criterion("pr_auc", "higher", "guard", "PR-AUC"),)
    required_metrics = ("precision", "recall", "f1", "pr_auc")
    card_metrics = ("answered_alerts", "answered_precision")
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
            "Alert budget a device-month on normal readings; with --threshold the stricter wins. "
            "Default: the kind's setting.",
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
    prediction_columns = SCORE
    # Three digits of float16 are too few for the bends of the score's curve: normal hours alert.
    quantizations = ("dynamic", "none")

    def models(self) -> tuple[ModelSpec, ...]:
        return (self.spec(),)

    def spec(self, **options: Any) -> ModelSpec:
        """The one model; ``options`` move its threshold, not what it is."""
        return ModelSpec(
            name="anomaly",
            kind=self.name,
            file_stem="anomaly_model",
            period_s=_HOUR_S,
            window_s=AnomalySettings.load().context_days * _DAY_S,
            holdout_s=14 * _DAY_S,
        )

    def floors(self, details: AnomalyDetails) -> tuple[Floor, ...]:
        """Alerts may exceed the budget that the threshold was set for by half, not more; and
        scores that rank well are worth nothing where no event ever reaches the threshold."""
        limit = 1.5 * details.max_alerts_per_month
        return (
            Floor("false_alerts_per_month", "lower", limit, "false alerts a month"),
            Floor("event_recall", "higher", _LEAST_RECALL, "of events with an alert"),
        )

    def columns(self, **options: Any) -> tuple[str, ...]:
        return ALERT if options.get("alerts") else SCORE
