"""The ``smartwatts`` command: its verbs, and how errors become exit codes.

Exit codes: 0 done (a rejected challenger is 0), 1 the work failed, 2 wrong use,
3 bad input, 4 the store or its trust.
"""

from __future__ import annotations

import logging
import sys

import typer

from smartwatts_ml import __version__
from smartwatts_ml.commands import (
    convert,
    importing,
    keys,
    models,
    predict,
    readings,
    retrain,
    simulate,
    train,
)
from smartwatts_ml.commands.common import err
from smartwatts_ml.errors import SmartwattsError
from smartwatts_ml.settings import check_environment

__all__ = ["app", "main"]

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


def main() -> None:
    """Run the command line; a known error is one line and an exit code, never a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except SmartwattsError as error:
        err.print(f"[red]error:[/red] {error}", markup=True, soft_wrap=True)
        sys.exit(error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        err.print(f"[red]error:[/red] {where}{error.strerror or error}", soft_wrap=True)
        sys.exit(1)
