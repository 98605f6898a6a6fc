"""Train: a snapshot and settings become a challenger."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Any, ClassVar

from smartwatts_ml.jsontext import plain
from smartwatts_ml.judging.trained_on import TRAINED_ON
from smartwatts_ml.judging.training import TRAINING_LOG, train_network
from smartwatts_ml.kinds.base import Trained, TrainOptions
from smartwatts_ml.modelfiles.networks import keras_file
from smartwatts_ml.modelfiles.tensorflow import start_tensorflow
from smartwatts_ml.progress import Progress
from smartwatts_ml.runs.lease import hold
from smartwatts_ml.runs.run import ModelRun

__all__ = ["Challenger", "train", "training_log"]

_LEASE_SECONDS = 180


@dataclass(frozen=True)
class Challenger:
    """A trained network. ``uri``: its Keras file; ``epochs``: how many were run."""

    model: str
    run_id: str
    uri: str
    epochs: int
    parameters: int
    cpu_seconds: float
    seconds: float
    peak_mib: float
    notes: tuple[str, ...]

    proceed: ClassVar[bool] = True

    @property
    def summary(self) -> str:
        return f"{self.model}: trained {self.epochs} epochs in {self.seconds:.0f} s"


def train(run: ModelRun, progress: Progress, options: TrainOptions | None = None) -> Challenger:
    """Train on the run's snapshot, less the holdout. No two runs train one model at once."""
    options = options or TrainOptions()
    run.kind.settings_class.load()  # a wrong one is told before TensorFlow is loaded
    with hold(run.objects, run.model, owner=run.run_id, seconds=_LEASE_SECONDS) as lease:
        readings = run.training  # where there are none, nothing is worth loading TensorFlow
        start_tensorflow()
        training = train_network(run, readings, options, progress)
        trained = training.trained
        challenger = Challenger(
            model=run.model,
            run_id=run.run_id,
            uri=run.uri("challenger.keras"),
            epochs=len(trained.log),
            parameters=int(trained.network.count_params()),
            cpu_seconds=training.cpu_seconds,
            seconds=training.seconds,
            peak_mib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            notes=trained.notes,
        )
        # A process that was suspended for long may wake up beside another try of its run.
        lease.check()
        run.write(TRAINED_ON, training.trained_on.to_bytes())
        lease.check()
        run.write("challenger.keras", keras_file(training.network))
        lease.check()
        run.write_json(TRAINING_LOG, training_log(trained, options) | plain(challenger))
    return challenger


def training_log(trained: Trained, options: TrainOptions) -> dict[str, Any]:
    """What the training log holds: options, details, a row for each epoch, and the recipe."""
    return {
        "options": {
            "epochs": options.epochs,
            "batch_size": options.batch_size,
            "seed": options.seed,
            **options.extra,
        },
        "details": trained.details.to_json(),
        "log": [dict(row) for row in trained.log],
        "notes": list(trained.notes),
        "recipe": dict(trained.recipe),
    }
