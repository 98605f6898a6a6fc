"""The stages of a retraining, in their order. Nothing else knows it.

    ingest ─ plan ─ for each model: train ─ validate ─ convert ─ refit ─ approve ─ publish ─
    and at the end: renew

The command line, the DAGs, ``make run`` and the Models page go through ``STAGES``. Importing
this is light: a stage's module is loaded when the stage is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

__all__ = [
    "STAGES",
    "Stage",
    "after_models",
    "before_models",
    "model_stages",
    "share_before",
    "stage_named",
    "stages_after",
    "until_judged",
]


@dataclass(frozen=True)
class Stage:
    """One step of a retraining.

    ``name``: of its command and of its Airflow task. ``work``: the function that does it, as
    ``module:name``; one that is done for each model takes ``(ModelRun, progress)``, one that
    is done once a run ``(Objects, Settings, progress)``, and options of its own by name.
    ``doing``: what people read while it runs. ``leaves``: what the steps after it take, by
    its name in the model's folder of the run. ``asks``: options that a run has for it, by
    name. ``hands_over``: parts of its result that a scheduler keeps. ``share``: of the time
    that a model's steps take together, in 0..1.

    ``heavy``: takes hours and gigabytes.
    ``judges``: done again where the champion it judged against is not in force any more.
    ``always``: done too where an earlier step ended the model's branch, to record that.
    ``signs``: needs the keys, which the machines that train do not have.
    ``in_dry_run``: done although nothing is to be published or recorded.
    ``may_fail``: where it fails the model goes on, to stages that do without what it leaves.
    ``publishes``: where it proceeds, the model has another champion.
    ``asks_people``: a person answers; there only for models that settings name.
    """

    name: str
    work: str
    doing: str
    leaves: str
    per_model: bool = True
    share: float = 0.0
    asks: tuple[str, ...] = ()
    hands_over: tuple[str, ...] = ()
    heavy: bool = False
    judges: bool = False
    always: bool = False
    signs: bool = False
    in_dry_run: bool = True
    may_fail: bool = False
    publishes: bool = False
    asks_people: bool = False

    def own(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Those of a run's options that it asks for."""
        return {name: options[name] for name in self.asks if name in options}

    def call(self, *arguments: Any, **options: Any) -> Any:
        """Do its work."""
        work: Callable[..., Any] = resolve_name(self.work)
        return work(*arguments, **options)


STAGES = (
    Stage(
        "ingest",
        "smartwatts_ml.stages.ingest:ingest",
        "adding new files to the readings",
        leaves="a snapshot of the readings table",
        per_model=False,
        asks=("run_id",),
    ),
    Stage(
        "plan",
        "smartwatts_ml.stages.start:start_run",
        "choosing the snapshot and the models",
        leaves="snapshot.json",
        per_model=False,
        asks=("run_id", "models", "claim"),
    ),
    Stage(
        "train",
        "smartwatts_ml.stages.train:train",
        "training a challenger",
        leaves="challenger.keras",
        share=0.45,
        asks=("options",),
        hands_over=("reasons", "uri"),
        heavy=True,
    ),
    Stage(
        "validate",
        "smartwatts_ml.stages.validate:validate",
        "judging it on readings that nothing has seen",
        leaves="decision.json",
        share=0.15,
        hands_over=("reasons",),
        judges=True,
    ),
    Stage(
        "convert",
        "smartwatts_ml.stages.convert:convert",
        "making the .tflite file and judging that",
        leaves="<model>.tflite",
        share=0.1,
        hands_over=(
            "accepted",
            "reasons",
            "uri",
            "sha256",
            "quantization",
            "latency_ms",
            "parity",
            "size",
        ),
        judges=True,
    ),
    Stage(
        "refit",
        "smartwatts_ml.stages.refit:refit",
        "training it again on everything up to now",
        leaves="refit.json",
        share=0.25,
        hands_over=("accepted", "reasons", "sha256", "until", "differences"),
        heavy=True,
        in_dry_run=False,
        may_fail=True,
    ),
    Stage(
        "approve",
        "smartwatts_ml.stages.approve:approve",
        "a person's approval, where settings ask for one",
        leaves="approval.json",
        asks=("answer",),
        hands_over=("by",),
        in_dry_run=False,
        asks_people=True,
    ),
    Stage(
        "publish",
        "smartwatts_ml.stages.publish:publish",
        "putting it in force, if it was accepted",
        leaves="published.json",
        share=0.05,
        asks=("actor",),
        hands_over=("model", "outcome", "version", "serial", "file", "new_key", "candidate"),
        always=True,
        signs=True,
        in_dry_run=False,
        publishes=True,
    ),
    Stage(
        "renew",
        "smartwatts_ml.stages.renew:renew_timestamp",
        "renewing what gateways are told",
        leaves="a timestamp that expires later",
        per_model=False,
        signs=True,
        in_dry_run=False,
    ),
)


def model_stages() -> tuple[Stage, ...]:
    """What each model goes through.

    >>> [stage.name for stage in model_stages()]
    ['train', 'validate', 'convert', 'refit', 'approve', 'publish']
    """
    return tuple(stage for stage in STAGES if stage.per_model)


def before_models() -> tuple[Stage, ...]:
    """What a run does once, before any model."""
    return STAGES[: STAGES.index(model_stages()[0])]


def after_models() -> tuple[Stage, ...]:
    """What a run does once, after all models."""
    return STAGES[STAGES.index(model_stages()[-1]) + 1 :]


def stages_after(stage: Stage) -> tuple[Stage, ...]:
    """What a model still goes through after a stage."""
    stages = model_stages()
    return stages[stages.index(stage) + 1 :]


def until_judged() -> tuple[Stage, ...]:
    """What a model goes through until there is a first judgement of it.

    >>> [stage.name for stage in until_judged()]
    ['train', 'validate']
    """
    stages = model_stages()
    first = next((i for i, stage in enumerate(stages) if stage.judges), len(stages))
    return stages[: first + 1]


def share_before(stage: Stage) -> float:
    """How much of a model's steps is over when this one begins, 0..1.

    >>> [round(share_before(stage), 2) for stage in model_stages()]
    [0.0, 0.45, 0.6, 0.7, 0.95, 0.95]
    """
    stages = model_stages()
    return sum((before.share for before in stages[: stages.index(stage)]), 0.0)


def stage_named(name: str) -> Stage:
    """The stage of that name."""
    return next(stage for stage in STAGES if stage.name == name)
