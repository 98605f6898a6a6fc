"""``smartwatts models check``: a file on other releases of LiteRT."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from smartwatts_ml.commands.common import JsonOption, print_json, progress_bar
from smartwatts_ml.commands.console import out
from smartwatts_ml.errors import BadInputError, SmartwattsError, TrustError
from smartwatts_ml.modelfiles.golden import needs_apart
from smartwatts_ml.modelfiles.inspection import describe_file
from smartwatts_ml.modelfiles.needs import Needs
from smartwatts_ml.modelfiles.networks import read_model_file
from smartwatts_ml.modelfiles.runtimes import Trial, check_release, try_on
from smartwatts_ml.printable import printable
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES
from smartwatts_ml.store import Manifest

__all__ = ["check"]


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE.tflite", help="A model file.")],
    runtime: Annotated[
        str, typer.Option("--runtime", metavar="RELEASES", help="E.g. 1.4.0 or 1.4.0,2.1.6.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Run a .tflite file on other releases of LiteRT, beside what it computes on this one.

    Each release is installed once, in an environment of its own. A file from a pull is held to the
    golden vectors of the manifest beside it, any other to what it computes here. Exit code 1 where
    it differs, or does not run.

    Example: smartwatts models check models/nilm_v12.tflite --runtime 1.4.0,2.1.6
    """
    releases = [check_release(text.strip()) for text in runtime.split(",")]
    content = read_model_file(file)
    described = describe_file(content, str(file))
    needs = _signed_needs(file, content) or needs_apart(content, str(file))
    shapes = {tensor.name: tensor.shape for tensor in described.inputs}
    trials = []
    with progress_bar(f"check {file.name}", "environments that are whole are kept") as report:
        for done, release in enumerate(releases):
            report(f"LiteRT {release}", done / len(releases))
            trials.append(try_on(release, content, needs, shapes))
    if as_json:
        print_json(trials)
    else:
        _print_trials(file, needs, trials)
    failed = [trial.release for trial in trials if not trial.passed]
    if failed:
        raise SmartwattsError(f"{file} does not work as it should on LiteRT {', '.join(failed)}")


def _signed_needs(file: Path, content: bytes) -> Needs | None:
    """Those of the manifest that a pull put beside a version; None where there is none of this
    file."""
    path = file.with_suffix(".json")
    try:
        if not path.is_file() or path.stat().st_size > MAX_DOCUMENT_BYTES:
            return None
        manifest = Manifest.read(path.read_bytes(), str(path))
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    except TrustError:
        return None
    if manifest.sha256 != sha256_of(content) or manifest.runtime is None:
        return None
    return Needs.read(manifest.runtime, str(path))


def _print_trials(file: Path, needs: Needs, trials: list[Trial]) -> None:
    table = Table("LiteRT", "", "largest difference, of what is tolerated")
    for trial in trials:
        mark = Text("✓", "green") if trial.passed else Text("✗", "red")
        table.add_row(trial.release, mark, printable(_deviation(trial)))
    out.print(table)
    least = needs.least or "a version that the file does not name"
    out.print(f"{file}: needs TensorFlow Lite {least} or later", soft_wrap=True)


def _deviation(trial: Trial) -> str:
    if trial.deviation is None:
        return trial.trouble
    return f"{trial.deviation.share:.0%} ({trial.deviation.name})"
