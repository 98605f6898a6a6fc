"""What the metrics of NILM mean."""

from __future__ import annotations

from smartwatts_ml.scores.meaning import MetricMeaning

__all__ = ["GLOSSARY"]

GLOSSARY = {
    "mae_w": MetricMeaning(
        "MAE", "W", "lower", "By how many watts the estimate of an appliance is off, on average."
    ),
    "f1": MetricMeaning(
        "F1",
        "",
        "higher",
        "How well on and off are told: 1 is perfect; it falls with what is missed and what is "
        "claimed wrongly.",
    ),
    "f1_gain": MetricMeaning(
        "F1 beyond always on", "", "higher", 'F1 less that of who says "on" at all times.'
    ),
    "accuracy": MetricMeaning(
        "accuracy",
        "%",
        "higher",
        "Share of time in which on and off are right. High for whatever is rarely on: see F1.",
    ),
    "precision": MetricMeaning(
        "precision", "%", "higher", "Of the time that is claimed on, what is."
    ),
    "recall": MetricMeaning("recall", "%", "higher", "Of the time that is on, what is found."),
    "sae": MetricMeaning(
        "energy error", "%", "lower", "By what share an appliance's energy is off, home by home."
    ),
    "nde": MetricMeaning("NDE", "", "lower", "Squared error as a share of squared power."),
    "teca": MetricMeaning(
        "TECA", "%", "higher", "Share of all energy that is given to the right appliance."
    ),
}
