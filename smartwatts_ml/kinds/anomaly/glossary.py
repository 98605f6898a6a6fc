"""What the metrics of anomaly detection mean."""

from __future__ import annotations

from smartwatts_ml.scores.meaning import MetricMeaning

__all__ = ["GLOSSARY"]

GLOSSARY = {
    "pr_auc": MetricMeaning(
        "PR-AUC",
        "",
        "higher",
        "How well scores rank what is unusual before what is not: 1 is perfect.",
    ),
    "false_alerts_per_month": MetricMeaning(
        "false alerts", "a month", "lower", "Alerts for nothing, of one home in one month."
    ),
    "precision": MetricMeaning(
        "precision", "%", "higher", "Of the hours with an alert, what was unusual."
    ),
    "recall": MetricMeaning("recall", "%", "higher", "Of the unusual hours, those with an alert."),
    "f1": MetricMeaning("F1", "", "higher", "Precision and recall in one number: 1 is perfect."),
    "event_recall": MetricMeaning(
        "events found", "%", "higher", "Of the unusual events, those with an alert at any time."
    ),
    "answered_alerts": MetricMeaning(
        "answered alerts", "", "", "Periods that people answered about, in which it alerts."
    ),
    "answered_precision": MetricMeaning(
        "right by people", "%", "higher", "Of the answered alerts, what people found right."
    ),
    "answered_recall": MetricMeaning(
        "kept of the right", "%", "higher", "Of what people found right, where it alerts too."
    ),
    "vus_pr": MetricMeaning(
        "VUS-PR", "", "higher", "PR-AUC that forgives alerts a little before or after an event."
    ),
}
