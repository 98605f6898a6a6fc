"""``smartwatts retrain``, and the stages validate and publish of a run."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from smartwatts_ml.commands.common import (
    JsonOption,
    RootOption,
    SeedOption,
    err,
    out,
    print_json,
    progress_bar,
)
from smartwatts_ml.errors import SmartwattsError, UsageError
from smartwatts_ml.kinds import find_model, model_names
from smartwatts_ml.kinds.base import Progress, TrainOptions

__all__ = ["ModelsArgument", "RunOption", "for_each_model", "publish", "retrain", "validate"]

ModelsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MODEL]...", help="Default: all of them.", show_default=False),
]
RunOption = Annotated[
    str | None,
    typer.Option("--run", help="Run to work on. Default: the newest.", show_default=False),
]
Stage = Callable[[Any, Any, str, str, Progress], dict[str, Any]]


def retrain(
    models: ModelsArgument = None,
    root: RootOption = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Most epochs of each training.")] = None,
    seed: SeedOption = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Everything but publish; nothing is recorded.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Ingest, train, validate, convert and publish: all stages, for all models or some.

    A challenger that is not better is rejected, which is a good end: exit code 0.

    Example: smartwatts retrain nilm forecasting_24h --root s3://bucket/smartwatts
    """
    from smartwatts_ml.objects import open_root
    from smartwatts_ml.runs.run import new_run_id
    from smartwatts_ml.settings import settings
    from smartwatts_ml.stages import pipeline
    from smartwatts_ml.stages.ingest import ingest
    from smartwatts_ml.stages.publish import resign_pointers
    from smartwatts_ml.stages.start import start_run

    for model in models or ():
        find_model(model)
    current = settings(root=root)
    objects = open_root(current.root)
    with progress_bar("ingest") as report:
        ingest(objects, current, report)
    plan = start_run(objects, current, new_run_id(), models, claim=not dry_run)
    err.print(f"run {plan.run_id}: {plan.rows:,} readings, snapshot {plan.snapshot_version}")
    failures: dict[str, str] = {}
    for model in plan.models:
        with progress_bar(model) as report:
            reason = pipeline.retrain(
                objects,
                current,
                plan.run_id,
                model,
                TrainOptions(epochs=epochs, seed=seed),
                actor=getpass.getuser(),
                dry_run=dry_run,
                progress=report,
            )
        if reason:
            failures[model] = reason
    if not dry_run:
        resign_pointers(objects, current)
    result = pipeline.run_report(current.root, plan.run_id) | {"failures": failures}
    if as_json:
        print_json(result)
    else:
        show_run(result)
    if failures:
        raise SmartwattsError("; ".join(f"{m} failed: {reason}" for m, reason in failures.items()))


def show_run(report: dict[str, Any]) -> None:
    """The table of a run: decision, reason, version, metrics and file of each model."""
    table = Table(
        Column("model", no_wrap=True),
        "decision",
        "version",
        "metric",
        "challenger",
        "champion",
        "baseline",
    )
    for row in report["models"]:
        criterion = next(c for c in find_model(row["model"])[0].criteria if c.role == "improve")
        values = [(row["metrics"][s] or {}).get(criterion.metric) for s in SYSTEMS]
        table.add_row(
            row["model"],
            "[green]accepted[/green]" if row["accepted"] else "[yellow]kept[/yellow]",
            f"v{row['version']}" if row["version"] else "–",
            criterion.label,
            *("–" if value is None else f"{value:.4g}" for value in values),
        )
    out.print(table)
    for row in report["models"]:
        out.print(row["summary"], soft_wrap=True)
        out.print(f"    {row['file'] or row['report']}", soft_wrap=True)


SYSTEMS = ("challenger", "champion", "baseline")


def validate(
    models: ModelsArgument = None,
    root: RootOption = None,
    run: RunOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Judge a run's challengers against champion and baselines on the holdout."""
    from smartwatts_ml.jsontext import plain
    from smartwatts_ml.stages.validate import validate as stage

    for_each_model(
        models,
        root,
        run,
        as_json,
        lambda objects, current, run_id, model, report: plain(
            stage(objects, current, run_id, model, report, seed)
        ),
    )


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

    Example: smartwatts publish nilm --force --reason "new meters; v3 reads them wrongly"
    """
    from smartwatts_ml.stages.pipeline import publish_run

    if force != bool(reason and reason.strip()):
        raise UsageError("--force needs a --reason, and --reason is for --force alone")
    if force and len(models or ()) != 1:
        raise UsageError("--force needs exactly one MODEL")
    for_each_model(
        models,
        root,
        run,
        as_json,
        lambda objects, current, run_id, model, report: publish_run(
            objects, current, run_id, model, getpass.getuser(), reason if force else None
        ),
    )


def for_each_model(
    models: list[str] | None, root: str | None, run: str | None, as_json: bool, stage: Stage
) -> None:
    """Run one stage for models of a run, the newest run by default; print what it gave."""
    from smartwatts_ml.objects import open_root
    from smartwatts_ml.runs.run import latest_run, models_of_run
    from smartwatts_ml.settings import settings

    for model in models or ():
        find_model(model)
    current = settings(root=root)
    objects = open_root(current.root)
    run_id = run or latest_run(objects)
    results = {}
    for model in models or models_of_run(objects, run_id, model_names()):
        with progress_bar(model) as report:
            results[model] = stage(objects, current, run_id, model, report)
        if not as_json:
            out.print(results[model].get("summary", model), soft_wrap=True)
            for reason in results[model].get("reasons", ()):
                out.print(f"    {reason}", soft_wrap=True)
    if as_json:
        print_json({"run_id": run_id, "models": results})
