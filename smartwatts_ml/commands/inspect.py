"""``smartwatts models inspect``: what a model file says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from smartwatts_ml.commands.common import JsonOption, print_json
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.errors import BadInputError
from smartwatts_ml.kinds.details import left_out_lines
from smartwatts_ml.modelfiles.inspection import FileDescription, describe_file

__all__ = ["inspect"]


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE.tflite", help="A model file.")],
    as_json: JsonOption = False,
) -> None:
    """What a .tflite file says of itself: inputs, outputs, embedded metadata.

    Example: smartwatts models inspect app/src/main/assets/nilm.tflite
    """
    try:
        described = describe_file(file.read_bytes(), str(file))
    except OSError as error:
        raise BadInputError(f"cannot read {file}: {error.strerror}") from error
    if as_json:
        print_json(described)
        return
    _print_description(file, described)


def _print_description(file: Path, described: FileDescription) -> None:
    """A model file's interface and metadata."""
    out.print(f"{file}: {described.size / 1024:.0f} KiB, {described.operators} operators")
    out.print(f"sha256 {described.sha256}", soft_wrap=True)
    table = Table("", "name", "shape", "type")
    for way, tensors in (("input", described.inputs), ("output", described.outputs)):
        for tensor in tensors:
            table.add_row(way, tensor.name, str(list(tensor.shape)), tensor.dtype)
    out.print(table)
    if described.contract:
        out.print(f"contract {described.contract} of inputs and outputs (gateway/README.md)")
    for line in left_out_lines(described.details):
        out.print(line, soft_wrap=True, markup=False)
    if described.details:
        out.print_json(data=described.details)
    else:
        err.print("no embedded metadata: not a file of this project's `convert`")
