"""Training the anomaly model: from readings to a network with its details."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import keras

from smartwatts_ml.kinds.anomaly.calibration import ScoreCalibration
from smartwatts_ml.kinds.anomaly.details import AnomalyDetails, LimitDetails
from smartwatts_ml.kinds.anomaly.kind import AnomalyKind
from smartwatts_ml.kinds.anomaly.layout import CONTRACT, TYPES
from smartwatts_ml.kinds.anomaly.network import quieted
from smartwatts_ml.kinds.anomaly.settings import AnomalySettings
from smartwatts_ml.kinds.anomaly.training import budget_of, fit, limit_for
from smartwatts_ml.kinds.base import ModelSpec, Progress, Trained, TrainOptions
from smartwatts_ml.kinds.details import LOCAL_HOURS, TensorDetails
from smartwatts_ml.readings.base import Readings

__all__ = ["leave_out", "train"]

_HOUR_S = 3600


def train(
    spec: ModelSpec, readings: Readings, options: TrainOptions, progress: Progress
) -> Trained[AnomalyDetails]:
    """Train and calibrate; the threshold is set as ``options`` ask."""
    AnomalyKind.check_options(options)
    settings = AnomalySettings.load()
    fitted = fit(readings, settings, options, progress)
    details = _details(spec, settings, options, fitted.calibration)
    notes = (
        f"{fitted.windows:,} windows of {fitted.sites} sites; calibrated on "
        f"{fitted.calibration_months:.1f} device-months",
        f"alerts {details.alert_rule}: score {details.threshold:.4f} and above",
    )
    return Trained(fitted.network, details, fitted.log, notes)


def leave_out(
    network: keras.Model, details: AnomalyDetails, parts: Mapping[str, str]
) -> tuple[keras.Model, AnomalyDetails]:
    """The same network, which raises no alert in hours that look like those types, or are off
    by those sizes, and likens nothing to those types. Scores stay."""
    changed = details.model_copy(update={"left_out": {**details.left_out, **parts}})
    return quieted(network, changed.left_out), changed


def _details(
    spec: ModelSpec,
    settings: AnomalySettings,
    options: TrainOptions,
    calibration: ScoreCalibration,
) -> AnomalyDetails:
    context = settings.context_days * 24
    quantile = options.extra.get("threshold")
    budget = budget_of(settings, options)
    rules = []
    if budget is not None:
        rules.append(f"at most {budget:g} a device-month")
    if quantile is not None:
        rules.append(f"above the {quantile:g} quantile of training scores")
    history = TensorDetails(
        name="history_w",
        shape=(1, context, 1),
        dtype="float32",
        unit="W",
        period_s=_HOUR_S,
        missing="nan",
        cells=LOCAL_HOURS,
    )
    newest = TensorDetails(
        name="hour_of_week",
        shape=(1, 1),
        dtype="float32",
        unit="local hour of the newest reading, 0 = Monday 00:00",
    )
    likeness = TensorDetails(
        name="likeness",
        shape=(1, len(TYPES)),
        unit="share of each type, should it be an anomaly",
        channels=TYPES,
    )
    return AnomalyDetails(
        kind=spec.kind,
        model=spec.name,
        contract=CONTRACT,
        inputs=(history, newest),
        outputs=(
            TensorDetails(name="score", shape=(1, 1), unit="conformal rank, 0..1"),
            TensorDetails(name="alert", shape=(1, 1), unit="0 or 1"),
            TensorDetails(name="rise", shape=(1, 1), unit="a slow rise from 0 on"),
            likeness,
            TensorDetails(name="expected_w", shape=(1, 1), unit="W"),
        ),
        context_hours=context,
        threshold=float(calibration.score(calibration.threshold)),
        threshold_logit=calibration.threshold,
        alert_rule=" and ".join(rules),
        quiet_repeats=budget is not None,
        limit=None if budget is None else LimitDetails(**asdict(limit_for(budget))),
        max_alerts_per_month=settings.max_alerts_per_month if budget is None else budget,
        min_present_hours=settings.min_present_hours,
    )
