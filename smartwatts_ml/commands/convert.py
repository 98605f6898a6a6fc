"""``smartwatts convert``: a Keras file to LiteRT, or the convert stage of a run."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from smartwatts_ml.commands.common import (
    JsonOption,
    RootOption,
    SeedOption,
    print_json,
    progress_bar,
    write_files,
)
from smartwatts_ml.commands.console import out
from smartwatts_ml.commands.one_stage import ModelsArgument, RunOption, for_each_model
from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds import kinds
from smartwatts_ml.kinds.details import QUANTIZATIONS
from smartwatts_ml.modelfiles.conversion import Quantization, convert_file
from smartwatts_ml.printable import printable
from smartwatts_ml.stages.order import stage_named

__all__ = ["convert"]


def _exceptions() -> str:
    """Quantizations that some kinds do not offer, in words."""
    lacking = {
        kind.name: [name for name in QUANTIZATIONS if name not in kind.quantizations]
        for kind in kinds().values()
    }
    return " ".join(
        f"Not for {kind}: {', '.join(names)}." for kind, names in lacking.items() if names
    )


def convert(
    models: ModelsArgument = None,
    model_path: Annotated[
        Path | None, typer.Option(help="A .keras or legacy .h5 file.", dir_okay=False)
    ] = None,
    output_path: Annotated[
        Path | None, typer.Option(help="Default: beside the model, with .tflite.", dir_okay=False)
    ] = None,
    quantization: Annotated[
        Quantization,
        typer.Option(
            help="auto: the smallest of those that the kind offers that computes what Keras "
            f"computes. {_exceptions()}"
        ),
    ] = "auto",
    root: RootOption = None,
    run: RunOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Convert a Keras file to .tflite, or the challengers of a run, whose files are judged again.

    Example: smartwatts convert --model-path O/nilm_model.keras --output-path O/nilm_model.tflite
    """
    if model_path is not None:
        if models or run:
            raise UsageError("--model-path converts a file; MODEL and --run belong to a run")
        _convert_file(model_path, output_path, quantization, seed, as_json)
        return
    work = partial(stage_named("convert").call, quantization=quantization, seed=seed)
    for_each_model(models, root, run, as_json, work)


def _convert_file(
    model_path: Path, output_path: Path | None, quantization: str, seed: int, as_json: bool
) -> None:
    target = output_path or model_path.with_suffix(".tflite")
    with progress_bar(f"convert {model_path.name}", "nothing was written") as report:
        report(quantization, 0.0)
        converted = convert_file(model_path, quantization, seed)
    write_files({target: converted.content})
    result: dict[str, Any] = {"file": str(target), **converted.to_json()}
    if as_json:
        print_json(result)
    else:
        out.print(
            f"{printable(str(target))}: {len(converted.content) / 1024:.0f} KiB, "
            f"{converted.quantization}, {converted.latency_ms:.3f} ms a call on one core, "
            "differs from Keras by at most "
            f"{max(converted.parity.values()):.2%} of an output's spread",
            soft_wrap=True,
        )
