"""``smartwatts models inspect``: what a model file says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from smartwatts_ml.commands.common import JsonOption, print_json
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.kinds.details import left_out_lines
from smartwatts_ml.modelfiles.inspection import FileDescription, describe_file
from smartwatts_ml.modelfiles.networks import read_model_file
from smartwatts_ml.printable import printable

__all__ = ["inspect"]


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE.tflite", help="A model file.")],
    as_json: JsonOption = False,
) -> None:
    """What a .tflite file says of itself: inputs, outputs, embedded metadata.

    Example: smartwatts models inspect app/src/main/assets/nilm.tflite
    """
    described = describe_file(read_model_file(file), str(file))
    if as_json:
        print_json(described)
        return
    _print_description(file, described)


def _print_description(file: Path, described: FileDescription) -> None:
    """A model file's interface and metadata."""
    kib, operators = described.size / 1024, described.operators
    out.print(f"{file}: {kib:.0f} KiB, {operators} operators", soft_wrap=True)
    out.print(f"sha256 {described.sha256}", soft_wrap=True)
    table = Table("", "name", "shape", "type")
    for way, tensors in (("input", described.inputs), ("output", described.outputs)):
        for tensor in tensors:
            name = Text(printable(tensor.name))
            table.add_row(way, name, str(list(tensor.shape)), tensor.dtype)
    out.print(table)
    if described.contract:
        out.print(f"contract {described.contract} of inputs and outputs (gateway/README.md)")
    for line in left_out_lines(described.details):
        out.print(printable(line), soft_wrap=True)
    if described.details:
        out.print_json(data=described.details)
    else:
        err.print("no embedded metadata: not a file of this project's `convert`")
