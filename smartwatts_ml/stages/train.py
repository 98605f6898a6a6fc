"""Train: a snapshot and settings become a challenger."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from smartwatts_ml.errors import UsageError
from smartwatts_ml.jsontext import plain
from smartwatts_ml.judging.trained_on import TRAINED_ON, describe_training
from smartwatts_ml.kinds.base import ModelSpec, Trained, TrainOptions
from smartwatts_ml.modelfiles.networks import KerasNetwork, keras_file
from smartwatts_ml.modelfiles.tensorflow import start_tensorflow
from smartwatts_ml.progress import Progress
from smartwatts_ml.provenance import code_version
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
    spec = _spec(run, options)
    with hold(run.objects, run.model, owner=run.run_id, seconds=_LEASE_SECONDS) as lease:
        readings = run.training  # where there are none, nothing is worth loading TensorFlow
        start_tensorflow()
        started, cpu = time.monotonic(), time.process_time()
        trained = run.kind.trainer.train(spec, readings, options, progress)
        seconds, cpu_seconds = time.monotonic() - started, time.process_time() - cpu
        trained_on = describe_training(readings, run.spec.channels)
        origin = {**_origin(run), "trained": trained_on.summary()}
        network = KerasNetwork(trained.network, trained.details.to_json() | origin)
        challenger = Challenger(
            model=run.model,
            run_id=run.run_id,
            uri=run.uri("challenger.keras"),
            epochs=len(trained.log),
            parameters=int(trained.network.count_params()),
            cpu_seconds=round(cpu_seconds, 1),
            seconds=round(seconds, 1),
            peak_mib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            notes=trained.notes,
        )
        # A process that was suspended for long may wake up beside another try of its run.
        lease.check()
        run.write(TRAINED_ON, trained_on.to_bytes())
        lease.check()
        run.write("challenger.keras", keras_file(network))
        lease.check()
        run.write_json("training.json", training_log(trained, options) | plain(challenger))
    return challenger


def _spec(run: ModelRun, options: TrainOptions) -> ModelSpec:
    """The run's model as the kind's own options ask for it."""
    spec = run.kind.spec(**options.extra) if options.extra else run.spec
    if spec.name != run.model:
        raise UsageError(f"these options ask for {spec.name}, and the run is for {run.model}")
    return spec


def _origin(run: ModelRun) -> dict[str, Any]:
    """What a model file says of where it comes from."""
    snapshot = run.snapshot
    return {
        "run_id": run.run_id,
        "code": code_version(),
        "snapshot": {"version": snapshot.version, "digest": snapshot.digest},
    }


def training_log(trained: Trained, options: TrainOptions) -> dict[str, Any]:
    """What the training log holds: options, details and a row for each epoch."""
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
    }
