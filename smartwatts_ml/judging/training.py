"""Training a network for a run, and what its file says of where it comes from."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smartwatts_ml.errors import UsageError
from smartwatts_ml.judging.trained_on import TrainedOn, describe_training
from smartwatts_ml.kinds.base import ModelSpec, Trained, TrainOptions
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.progress import Progress
from smartwatts_ml.provenance import code_version
from smartwatts_ml.readings.holdout import SelectedReadings
from smartwatts_ml.runs.run import LABELS, ModelRun

__all__ = ["RecordedTraining", "TRAINING_LOG", "Training", "recorded_options", "train_network"]

TRAINING_LOG = "training.json"


@dataclass(frozen=True)
class Training:
    """What a training gave: the network with its details, what it was trained on, and what it
    cost in wall and CPU seconds."""

    trained: Trained
    network: KerasNetwork
    trained_on: TrainedOn
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class RecordedTraining:
    """The part of a training log by which it can be repeated."""

    options: Mapping[str, Any]
    recipe: Mapping[str, Any] = field(default_factory=dict)


def train_network(
    run: ModelRun,
    readings: SelectedReadings,
    options: TrainOptions,
    progress: Progress,
    **origin: Any,
) -> Training:
    """Train the run's model on ``readings``, of which it is noted what was loaded. ``origin``:
    what else its file says of where it comes from."""
    spec = _spec(run, options)
    started, cpu = time.monotonic(), time.process_time()
    trained = run.kind.trainer.train(spec, readings, options, progress)
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - cpu
    trained_on = describe_training(readings, run.spec.channels)
    said = {**_origin(run), **origin, "trained": trained_on.summary()}
    network = KerasNetwork(trained.network, trained.details.to_json() | said)
    return Training(trained, network, trained_on, round(seconds, 1), round(cpu_seconds, 1))


def recorded_options(run: ModelRun) -> TrainOptions:
    """How the run's challenger was trained, and what it takes to go as that went."""
    recorded = run.read_json(TRAINING_LOG, RecordedTraining)
    options = dict(recorded.options)
    known = {name: options.pop(name) for name in ("epochs", "batch_size", "seed")}
    return TrainOptions(**known, extra=options, recipe=recorded.recipe)


def _spec(run: ModelRun, options: TrainOptions) -> ModelSpec:
    """The run's model as the kind's own options ask for it."""
    spec = run.kind.spec(**options.extra) if options.extra else run.spec
    if spec.name != run.model:
        raise UsageError(f"these options ask for {spec.name}, and the run is for {run.model}")
    return spec


def _origin(run: ModelRun) -> dict[str, Any]:
    snapshot = run.snapshot
    origin: dict[str, Any] = {
        "run_id": run.run_id,
        "code": code_version(),
        "snapshot": {"version": snapshot.version, "digest": snapshot.digest},
    }
    if run.labels:
        origin["labels"] = {"count": len(run.labels), "digest": (run.left or {}).get(LABELS)}
    return origin
