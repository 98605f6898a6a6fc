"""Real trainings that went wrong, before the real gate, with a sound champion in force.

Each fault is put into the training alone; validate, convert and publish are as they ship.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from smartwatts_ml import kinds
from smartwatts_ml.kinds.base import Kind, Trained, TrainOptions
from smartwatts_ml.objects import open_root
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings
from smartwatts_ml.readings.holdout import SelectedReadings
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.stage_outputs import begin_outputs
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.stages.branch import log_progress, retrain
from smartwatts_ml.stages.ingest import ingest
from smartwatts_ml.stages.start import start_run

__all__ = ["FAULTS", "Verdict", "retrained", "try_trainings"]

SHIFT_H = 9
TRAINING_SEED = 7


@dataclass(frozen=True)
class Verdict:
    """What the gate said of a training."""

    model: str
    fault: str
    accepted: bool
    outcome: str
    summary: str


class _Spoilt(SelectedReadings):
    """Readings with a fault in each site."""

    def __init__(self, readings: Readings, spoil: Callable[[SiteReadings], SiteReadings]) -> None:
        super().__init__(readings, readings.spans())
        self._spoil = spoil

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        return self._spoil(super().load(site, period_s, channels, local=local))


def _shifted(site: SiteReadings) -> SiteReadings:
    """Labels late: sub-meters against mains; where mains is all there is, its clock."""
    late = [name for name in site.channels if name != MAINS] or [MAINS]
    steps = SHIFT_H * 3600 // site.period_s
    rolled = {name: np.roll(site.channels[name], steps) for name in late}
    return replace(site, channels={**site.channels, **rolled})


def _wrong_unit(site: SiteReadings) -> SiteReadings:
    """kW for W."""
    return replace(site, channels={name: w / 1000 for name, w in site.channels.items()})


def _half_zero(trained: Trained) -> Trained:
    """Every other weight of every layer is lost."""
    rng = np.random.default_rng(TRAINING_SEED)
    for layer in trained.network.layers:
        weights = [w * (rng.random(w.shape) < 0.5) for w in layer.get_weights()]
        layer.set_weights(weights)
    return trained


@contextmanager
def _training(train: Callable[..., Trained], kind: Kind) -> Iterator[None]:
    """The kind trains so within."""
    faulty: Any = copy.copy(kind)
    sound: Any = kind.trainer
    faulty.trainer = SimpleNamespace(train=train, leave_out=sound.leave_out)
    replaced = {**kinds.kinds(), kind.name: faulty}
    with mock.patch.object(kinds, "kinds", lambda: replaced):
        yield


@contextmanager
def _spoilt(spoil: Callable[[SiteReadings], SiteReadings], kind: Kind) -> Iterator[None]:
    with _training(
        lambda spec, data, *rest: kind.trainer.train(spec, _Spoilt(data, spoil), *rest), kind
    ):
        yield


@contextmanager
def _given(spoil: Callable[[SiteReadings], SiteReadings]) -> Iterator[None]:
    """Training is given readings with a fault."""
    sound = vars(ModelRun)["training"].fget
    assert sound is not None, "training is a property"
    faulty = property(lambda run: _Spoilt(sound(run), spoil))
    with mock.patch.object(ModelRun, "training", faulty):
        yield


@contextmanager
def _maimed(kind: Kind) -> Iterator[None]:
    with _training(lambda *given: _half_zero(kind.trainer.train(*given)), kind):
        yield


@contextmanager
def _leaking(kind: Kind) -> Iterator[None]:
    """The split is not kept: training is given the holdout too."""
    with mock.patch.object(ModelRun, "training", property(lambda run: run.readings)):
        yield


@contextmanager
def _sound(kind: Kind) -> Iterator[None]:
    yield


FAULTS: Mapping[str, Callable[[Kind], Any]] = {
    "none, another seed": _sound,
    "labels shifted by 9 h": lambda kind: _spoilt(_shifted, kind),
    "trained on the holdout": _leaking,
    "kW for W": lambda kind: _given(_wrong_unit),
    "half the weights zero": _maimed,
}


def retrained(
    current: Settings, run_id: str, model: str, options: TrainOptions, *, dry_run: bool
) -> dict[str, Any]:
    """The decision of one run of every stage. Raises RuntimeError where a stage fails."""
    objects = open_root(current.root)
    plan = start_run(objects, current, run_id, [model])
    failed = retrain(
        ModelRun(objects, current, run_id, model, begin_outputs(plan.snapshot_sha256)),
        log_progress,
        {"options": options, "actor": "benchmark"},
        dry_run=dry_run,
    )
    if failed:
        raise RuntimeError(f"{model}: {failed}")
    decision: dict[str, Any] = json.loads(objects.read(f"runs/{run_id}/{model}/decision.json").data)
    return decision


def try_trainings(
    root: Path, models: Mapping[str, int], faults: Sequence[str] = tuple(FAULTS)
) -> Iterator[Verdict]:
    """For each model, by its epochs: a sound champion, then each fault on the same readings.
    The root's landing folder has readings."""
    current = settings(root=str(root), keys=str(root.parent / "keys"))
    ingest(open_root(current.root), current)
    for model, epochs in models.items():
        kind = kinds.find_model(model)[0]
        first = retrained(current, f"{model}-champion", model, TrainOptions(epochs), dry_run=False)
        yield _verdict(model, "champion", first)
        for i, fault in enumerate(faults):
            with FAULTS[fault](kind):
                options = TrainOptions(epochs, seed=TRAINING_SEED)
                decision = retrained(current, f"{model}-{i}", model, options, dry_run=True)
            yield _verdict(model, fault, decision)


def _verdict(model: str, fault: str, decision: Mapping[str, Any]) -> Verdict:
    return Verdict(model, fault, decision["accepted"], decision["outcome"], decision["summary"])
