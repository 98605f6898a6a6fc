"""``smartwatts validate``, ``refit``, ``approve`` and ``publish``: one stage, for the models of a
run."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from smartwatts_ml.commands.common import (
    JsonOption,
    RootOption,
    SeedOption,
    open_objects,
    print_json,
    progress_bar,
)
from smartwatts_ml.commands.console import out
from smartwatts_ml.errors import UsageError
from smartwatts_ml.jsontext import plain
from smartwatts_ml.judging.approval import Answer, GateVerdict
from smartwatts_ml.judging.record import DECISION
from smartwatts_ml.kinds import find_model, model_names
from smartwatts_ml.printable import printable
from smartwatts_ml.progress import Progress
from smartwatts_ml.runs.folders import existing_run, models_of_run
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.stage_outputs import read_outputs, write_outputs
from smartwatts_ml.stages.branch import StageResult, force_publish, run_stage
from smartwatts_ml.stages.order import stage_named

__all__ = [
    "ModelsArgument",
    "RunOption",
    "approve",
    "for_each_model",
    "publish",
    "refit",
    "validate",
]

ModelsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MODEL]...", help="Default: all of them.", show_default=False),
]
RunOption = Annotated[
    str | None,
    typer.Option("--run", help="Run to work on, as `train` names it.", show_default=False),
]


def for_each_model(
    models: list[str] | None,
    root: str | None,
    run: str | None,
    as_json: bool,
    work: Callable[[ModelRun, Progress], StageResult],
) -> None:
    """Run one stage for models of a run; print what it gave. What the stages before it left
    is known by what this machine signed: a run that was put there by others is none."""
    for model in models or ():
        find_model(model)
    if run is None:
        raise UsageError("which run? --run RUN", fix="`smartwatts train` and `retrain` say it")
    objects, current = open_objects(root)
    run_id = existing_run(objects, run)
    results = {}
    for model in models or models_of_run(objects, run_id, model_names()):
        with progress_bar(model) as report:
            looked = ModelRun(objects, current, run_id, model)
            bound = replace(looked, left=read_outputs(looked))
            result = work(bound, report)
            write_outputs(bound)
        results[model] = plain(result)
        if not as_json:
            out.print(printable(result.summary), soft_wrap=True)
            for reason in results[model].get("reasons", ()):
                out.print(printable(f"    {reason}"), soft_wrap=True)
    if as_json:
        print_json({"run_id": run_id, "models": results})


def validate(
    models: ModelsArgument = None,
    root: RootOption = None,
    run: RunOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Judge a run's challengers against champion and baselines on the holdout."""
    for_each_model(models, root, run, as_json, partial(stage_named("validate").call, seed=seed))


def refit(
    models: ModelsArgument = None,
    root: RootOption = None,
    run: RunOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a run's accepted models again on everything up to now, and compare.

    A refitted file that behaves as the judged one does is what publish puts in force.
    """
    for_each_model(models, root, run, as_json, stage_named("refit").call)


def approve(
    models: ModelsArgument = None,
    root: RootOption = None,
    run: RunOption = None,
    reject: Annotated[
        bool, typer.Option("--reject", help="Keep the champions instead; publish records that.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say as a person that a run's accepted models may be published, or not, in your name.

    Of models that SMARTWATTS_APPROVAL names, publish ships nothing without. Judges again where
    another champion came into force meanwhile.

    Example: smartwatts approve nilm --run RUN
    """
    for_each_model(models, root, run, as_json, partial(_answer, approved=not reject))


def _answer(run: ModelRun, progress: Progress, *, approved: bool) -> StageResult:
    name = getpass.getuser()
    sha256 = run.read_json(DECISION, GateVerdict).sha256 or ""
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    answer = Answer(approved, sha256, when, by=name, user=name)
    return run_stage(stage_named("approve"), run, progress, answer=plain(answer))


def publish(
    models: ModelsArgument = None,
    root: RootOption = None,
    run: RunOption = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Publish ONE rejected model against the gate's verdict."),
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Why it is forced; signed into the history, with your name."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Publish a run's accepted files as new versions; a rejected one is recorded as such.

    With --force and --reason a rejected challenger is put in force all the same. The history
    says who did it and what the gate had said, and every page shows it in red.

    Example: smartwatts publish nilm --run RUN --force --reason "new meters; v3 reads them wrongly"
    """
    if force != bool(reason and reason.strip()):
        raise UsageError("--force needs a --reason, and --reason is for --force alone")
    if force and len(models or ()) != 1:
        raise UsageError("--force needs exactly one MODEL")
    stage, actor = stage_named("publish"), getpass.getuser()
    work: Callable[[ModelRun, Progress], StageResult]
    if force and reason:
        work = partial(force_publish, stage, actor=actor, reason=reason)
    else:
        work = partial(run_stage, stage, actor=actor)
    for_each_model(models, root, run, as_json, work)
