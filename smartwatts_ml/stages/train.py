"""Train: a snapshot and settings become a challenger."""

from __future__ import annotations

import resource
import time
from dataclasses import asdict, dataclass
from typing import Any

from smartwatts_ml.judging.trained_on import TRAINED_ON, describe_training
from smartwatts_ml.kinds.base import Progress, Trained, TrainOptions
from smartwatts_ml.modelfiles.networks import KerasNetwork, keras_file
from smartwatts_ml.modelfiles.tensorflow import start_tensorflow
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import code_version
from smartwatts_ml.runs.lease import hold
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.settings import Settings

__all__ = ["Challenger", "train", "training_log"]

LEASE_SECONDS = 180


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

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def train(
    objects: Objects,
    settings: Settings,
    run_id: str,
    model: str,
    options: TrainOptions,
    progress: Progress,
) -> Challenger:
    """Train on the run's snapshot, less the holdout. No two runs train one model at once."""
    run = ModelRun(objects, settings, run_id, model)
    with hold(objects, model, owner=run_id, seconds=LEASE_SECONDS) as lease:
        start_tensorflow()
        started, cpu = time.monotonic(), time.process_time()
        readings = run.training
        trained = run.kind.trainer.train(run.spec, readings, options, progress)
        seconds, cpu_seconds = time.monotonic() - started, time.process_time() - cpu
        trained_on = describe_training(readings, run.spec.channels)
        origin = {**_origin(run), "trained": trained_on.summary()}
        network = KerasNetwork(trained.network, trained.details.to_json() | origin)
        challenger = Challenger(
            model=model,
            run_id=run_id,
            uri=objects.uri(run.key("challenger.keras")),
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
        run.write_json("training.json", training_log(trained, options) | challenger.to_json())
    return challenger


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
