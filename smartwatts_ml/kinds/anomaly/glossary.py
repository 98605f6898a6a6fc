"""What the metrics of anomaly detection mean."""

from __future__ import annotations

from smartwatts_ml.scores.meaning import Meaning

__all__ = ["GLOSSARY"]

GLOSSARY = {
    "pr_auc": Meaning(
        "PR-AUC",
        "",
        "higher",
        "How well scores rank what is unusual before what is not: 1 is perfect.",
    ),
    "false_alerts_per_month": Meaning(
        "false alerts", "a month", "lower", "Alerts for nothing, of one home in one month."
    ),
    "precision": Meaning(
        "precision", "%", "higher", "Of the hours with an alert, what was unusual."
    ),
    "recall": Meaning("recall", "%", "higher", "Of the unusual hours, those with an alert."),
    "f1": Meaning("F1", "", "higher", "Precision and recall in one number: 1 is perfect."),
    "event_recall": Meaning(
        "events found", "%", "higher", "Of the unusual events, those with an alert at any time."
    ),
    "vus_pr": Meaning(
        "VUS-PR", "", "higher", "PR-AUC that forgives alerts a little before or after an event."
    ),
}
