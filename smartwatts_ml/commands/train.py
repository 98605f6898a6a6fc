"""``smartwatts train``: on files, or as a stage of a run on a root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from smartwatts_ml.commands.common import (
    JsonOption,
    RootOption,
    SeedOption,
    open_objects,
    print_json,
    progress_bar,
    write_files,
)
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.commands.kind_options import add_command
from smartwatts_ml.commands.paths import paths_option
from smartwatts_ml.errors import BadInputError, NotEnoughReadingsError
from smartwatts_ml.jsontext import json_text, plain
from smartwatts_ml.kinds import kinds, model_names
from smartwatts_ml.kinds.base import Kind, ModelSpec, TrainOptions
from smartwatts_ml.modelfiles.conversion import Quantization, convert_network
from smartwatts_ml.modelfiles.networks import KerasNetwork, keras_file
from smartwatts_ml.modelfiles.tensorflow import start_tensorflow
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.ingest.landing import empty_root
from smartwatts_ml.readings.table.table import newest_readings
from smartwatts_ml.runs.folders import new_run_id
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.stage_outputs import begin_outputs, write_outputs
from smartwatts_ml.settings import settings
from smartwatts_ml.stages.order import stage_named, stages_after
from smartwatts_ml.stages.start import start_run
from smartwatts_ml.stages.train import train, training_log

__all__ = ["app", "train_files"]

app = typer.Typer(
    no_args_is_help=True,
    help="Train a model on files, or on a root's readings as a stage of a run.",
    epilog="Example: smartwatts train nilm --data-dir readings/ --output-dir models/",
)


def _register() -> None:
    for kind in kinds().values():
        text = (
            f"Train {kind.title}. With --data-dir: on every file of readings below it, writing "
            "the .keras file, the .tflite and a training log to --output-dir. Without: on the "
            "readings of --root, less the gate's holdout, as the first stage of a run."
        )
        add_command(app, kind.name, text, _body(kind, None), kind.train_options)
        for spec in kind.models():
            if spec.name != kind.name:
                short = f"Train {spec.name} (see {kind.name}, whose options are set by the name)."
                add_command(app, spec.name, short, _body(kind, spec))


def _body(kind: Kind, fixed: ModelSpec | None) -> Any:
    def body(
        data_dir: Annotated[
            list[Path] | None,
            paths_option("Folder of readings, or files of them, read as ingest reads them."),
        ] = None,
        output_dir: Annotated[
            Path, typer.Option(help="Where the model's files go.", file_okay=False)
        ] = Path(),
        root: RootOption = None,
        run: Annotated[
            str | None, typer.Option("--run", help="Run to train in. Default: a new one.")
        ] = None,
        epochs: Annotated[
            int | None,
            typer.Option(
                min=1,
                help="Most epochs; training stops early by itself. Default: the kind's setting.",
            ),
        ] = None,
        batch_size: Annotated[
            int | None,
            typer.Option(min=1, help="Windows of one step. Default: the kind's setting."),
        ] = None,
        seed: SeedOption = 0,
        quantization: Quantization = "auto",
        as_json: JsonOption = False,
        extra: dict[str, Any] | None = None,
    ) -> None:
        options = TrainOptions(epochs, batch_size, seed, extra or {})
        spec = fixed or kind.spec(**(extra or {}))
        if data_dir:
            report = train_files(kind, spec, options, data_dir, output_dir, quantization)
        else:
            report = _train_stage(spec, options, root, run)
        if as_json:
            print_json(report)
            return
        for note in report.get("notes", ()):
            err.print(f"note: {note}", soft_wrap=True)
        for name in report["files"]:
            out.print(name, soft_wrap=True)

    body.__annotations__["quantization"] = Annotated[
        Literal[("auto", *kind.quantizations)],
        typer.Option(help="Of the .tflite; auto: the smallest that is right."),
    ]
    return body


def train_files(
    kind: Kind,
    spec: ModelSpec,
    options: TrainOptions,
    paths: Sequence[Path],
    output_dir: Path,
    quantization: str,
) -> dict[str, Any]:
    kind.settings_class.load()  # a wrong one is told before TensorFlow is loaded
    output_dir.mkdir(parents=True, exist_ok=True)
    with progress_bar(f"train {spec.name}", f"nothing was written to {output_dir}") as report:
        report("loading TensorFlow", 0.0)
        start_tensorflow()
        report("reading files", 0.0)
        with FileReadings(paths, settings()) as readings:
            for line in readings.warnings():
                err.print(line, soft_wrap=True)
            trained = kind.trainer.train(spec, readings, options, report)
        report("converting", 0.98)
        network = KerasNetwork.from_training(trained)
        samples = kind.work.sample_inputs(trained.details, 64, options.seed)
        converted = convert_network(network, samples, quantization, kind.quantizations)
    log = training_log(trained, options) | {"converted": converted.to_json()}
    # Only now: a network that cannot be converted leaves what is there as it is.
    contents = {
        ".keras": keras_file(network),
        ".tflite": converted.content,
        ".log.json": json_text(log, indent=1).encode(),
    }
    files = write_files(
        {output_dir / f"{spec.file_stem}{suffix}": data for suffix, data in contents.items()}
    )
    return {
        "model": spec.name,
        "files": files,
        "epochs": len(trained.log),
        "notes": list(trained.notes),
        **converted.to_json(),
    }


def _train_stage(
    spec: ModelSpec, options: TrainOptions, root: str | None, run_id: str | None
) -> dict[str, Any]:
    if spec.name not in model_names():
        raise BadInputError(
            f"{spec.name} is not kept in the store", fix="train it on files with --data-dir"
        )
    objects, current = open_objects(root)
    if not newest_readings(objects, current)[1].rows:
        raise NotEnoughReadingsError(empty_root(objects))
    plan = start_run(objects, current, run_id or new_run_id(), [spec.name], claim=False)
    left_so_far = begin_outputs(plan.snapshot_sha256, plan.labels_sha256)
    run = ModelRun(objects, current, plan.run_id, spec.name, left_so_far)
    left = f"no challenger was kept; `--run {plan.run_id}` trains on the same readings again"
    with progress_bar(f"train {spec.name}", left) as report:
        challenger = train(run, report, options)
        write_outputs(run)
    (following, *_) = stages_after(stage_named("train"))
    err.print(f"next: smartwatts {following.name} {spec.name} --run {plan.run_id}")
    return {**plain(challenger), "files": [challenger.uri]}


_register()
