"""What the metrics of forecasts mean."""

from __future__ import annotations

from smartwatts_ml.scores.meaning import MetricMeaning

__all__ = ["GLOSSARY"]

GLOSSARY = {
    "wape": MetricMeaning(
        "WAPE", "%", "lower", "All that forecasts are off by, as a share of all that was used."
    ),
    "mape": MetricMeaning(
        "MAPE",
        "%",
        "lower",
        "By what share an hour is off, on average; large where little is used.",
    ),
    "rmse_w": MetricMeaning("RMSE", "W", "lower", "As MAE, but large errors weigh more."),
    "wql": MetricMeaning(
        "quantile loss",
        "",
        "lower",
        "Error of P10, P50 and P90 together, as a share of what was used: it wants both the value "
        "and how sure it is to be right.",
    ),
    "coverage_80": MetricMeaning(
        "between P10 and P90", "%", "", "Share of hours between P10 and P90: 80 % is meant."
    ),
    "width_80": MetricMeaning(
        "width of P10 to P90", "", "lower", "How far P10 and P90 are apart, as a share of use."
    ),
    "pinball_w": MetricMeaning("pinball loss", "W", "lower", "Quantile loss in watts."),
    "nrmse": MetricMeaning("NRMSE", "", "lower", "RMSE as a share of the mean."),
    "mase_24h": MetricMeaning(
        "MASE, a day", "", "lower", "Error against that of who repeats yesterday: under 1 beats it."
    ),
    "mase_168h": MetricMeaning(
        "MASE, a week",
        "",
        "lower",
        "Error against that of who repeats last week: under 1 beats it.",
    ),
}
