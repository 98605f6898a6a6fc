"""``smartwatts retrain``: every stage of a retraining."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from smartwatts_ml.commands.common import (
    JsonOption,
    RootOption,
    SeedOption,
    open_objects,
    print_json,
    progress_bar,
)
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.commands.one_stage import ModelsArgument
from smartwatts_ml.errors import SmartwattsError
from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.ingest.ingest_report import IngestReport
from smartwatts_ml.runs.claims import drop_claim
from smartwatts_ml.runs.folders import new_run_id
from smartwatts_ml.runs.plan import RunPlan
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.stage_outputs import begin_outputs, write_outputs
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.branch import retrain as retrain_model
from smartwatts_ml.stages.order import Stage, after_models, before_models
from smartwatts_ml.stages.tasks import run_report

__all__ = ["retrain", "show_run"]

_STOPPED = "what was ingested, decided and published before is kept, the rest is as it was"
_SYSTEMS = ("challenger", "champion", "baseline")


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
    """Ingest, train, validate, convert, refit and publish: all stages, for all models or some.

    A challenger that is not better is rejected, which is a good end: exit code 0.

    Example: smartwatts retrain nilm forecasting_24h --root s3://bucket/smartwatts
    """
    for model in models or ():
        find_model(model)
    objects, current = open_objects(root)
    options = {
        "run_id": new_run_id(),
        "models": models,
        "claim": not dry_run,
        "options": TrainOptions(epochs=epochs, seed=seed),
        "actor": getpass.getuser(),
    }
    begun = _once(before_models(), objects, current, options, dry_run=dry_run)
    ingested: IngestReport = begun["ingest"]
    for file in ingested.left:
        err.print(f"left: {file.left}", soft_wrap=True)
    plan: RunPlan = begun["plan"]
    err.print(f"run {plan.run_id}: {plan.rows:,} readings, snapshot {plan.snapshot_version}")
    failures: dict[str, str] = {}
    try:
        for model in plan.models:
            left = begin_outputs(plan.snapshot_sha256, plan.labels_sha256)
            run = ModelRun(objects, current, plan.run_id, model, left)
            with progress_bar(model, _STOPPED) as report:
                reason = retrain_model(run, report, options, dry_run=dry_run)
            write_outputs(run)
            if reason:
                failures[model] = reason
    except KeyboardInterrupt:
        for model in plan.models:
            drop_claim(objects, model, plan.run_id)
        raise
    _once(after_models(), objects, current, options, dry_run=dry_run)
    result = run_report(current.root, plan.run_id) | {"failures": failures}
    if as_json:
        print_json(result)
    else:
        show_run(result)
    if failures:
        raise SmartwattsError("; ".join(f"{m} failed: {reason}" for m, reason in failures.items()))


def _once(
    stages: Sequence[Stage],
    objects: Objects,
    current: Settings,
    options: Mapping[str, Any],
    *,
    dry_run: bool,
) -> dict[str, Any]:
    """Do stages that a run does once; what each gave."""
    results = {}
    for stage in stages:
        if stage.in_dry_run or not dry_run:
            with progress_bar(stage.name) as report:
                results[stage.name] = stage.call(
                    objects, current, progress=report, **stage.own(options)
                )
    return results


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
        values = [(row["metrics"][s] or {}).get(criterion.metric) for s in _SYSTEMS]
        table.add_row(
            row["model"],
            Text("accepted", "green") if row["accepted"] else Text("kept", "yellow"),
            f"v{row['version']}" if row["version"] else "–",
            criterion.label,
            *("–" if value is None else f"{value:.4g}" for value in values),
        )
    out.print(table)
    for row in report["models"]:
        out.print(row["summary"], soft_wrap=True)
        out.print(f"    {row['file'] or row['report']}", soft_wrap=True)
