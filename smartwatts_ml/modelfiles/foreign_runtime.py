"""Runs a file on the LiteRT of another environment, which has that and numpy and nothing else.

``python -I foreign_runtime.py MODEL INPUTS OUTPUTS``: INPUTS is a .npz of arrays named
``<window>/<input>``, OUTPUTS becomes one of ``<window>/<output>``. It is run by its path, so it
imports nothing of this package.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

__all__: list[str] = []


def _main(model: str, inputs: str, outputs: str) -> None:
    interpreter = Interpreter(model_content=Path(model).read_bytes(), num_threads=1)
    interpreter.allocate_tensors()
    run = interpreter.get_signature_runner()
    windows: dict[str, dict[str, np.ndarray]] = {}
    with np.load(inputs, allow_pickle=False) as arrays:
        for key, array in arrays.items():
            window, name = key.split("/", 1)
            windows.setdefault(window, {})[name] = array
    answers = {
        f"{window}/{name}": array
        for window, arrays in windows.items()
        for name, array in run(**arrays).items()
    }
    np.savez(outputs, **answers)  # type: ignore[arg-type]


if __name__ == "__main__":
    _main(*sys.argv[1:])
