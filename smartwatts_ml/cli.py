"""The verbs of the ``smartwatts`` command."""

from __future__ import annotations

import typer

from smartwatts_ml import __version__
from smartwatts_ml.commands import (
    convert,
    importing,
    keys,
    models,
    predict,
    quality,
    readings,
    retention,  # noqa: F401 - adds commands to readings.app
    retrain,
    simulate,
    train,
)
from smartwatts_ml.environment import check_environment

__all__ = ["app"]

app = typer.Typer(
    name="smartwatts",
    help="Keeps the TensorFlow Lite models of a home-energy gateway fresh: readings in, "
    "better models out, signed and versioned.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

STAGES = "The stages of a retraining, in their order"
USE = "Using models"
KEEP = "What is kept"

app.command(rich_help_panel=STAGES)(readings.ingest)
app.add_typer(train.app, name="train", rich_help_panel=STAGES)
app.command(rich_help_panel=STAGES)(retrain.validate)
app.command(rich_help_panel=STAGES)(convert.convert)
app.command(rich_help_panel=STAGES)(retrain.publish)
app.command(rich_help_panel=STAGES)(retrain.retrain)
app.add_typer(predict.evaluate_app, name="evaluate", rich_help_panel=USE)
app.add_typer(predict.predict_app, name="predict", rich_help_panel=USE)
app.add_typer(models.app, name="models", rich_help_panel=KEEP)
readings.app.command()(quality.quality)
app.add_typer(readings.app, name="readings", rich_help_panel=KEEP)
app.add_typer(keys.app, name="keys", rich_help_panel=KEEP)
app.command(rich_help_panel=USE)(simulate.simulate)
app.add_typer(importing.app, name="import", rich_help_panel=USE)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"smartwatts {__version__}")
        raise typer.Exit


@app.callback()
def start(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    check_environment()
