"""A LiteRT file for another process: inputs come in on stdin, outputs go out on stdout.

``python3 model_server.py nilm.tflite`` is what ``PythonModel.java`` starts; it needs ai-edge-litert
and numpy. A message is the number of arrays (int32), and of each its name (length as uint16, then
UTF-8), its number of values (int32), and those as float32; all big-endian.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Mapping
from typing import BinaryIO

import numpy as np
from ai_edge_litert.interpreter import Interpreter

__all__ = ["Run", "serve"]

Run = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]


def serve(run: Run, source: BinaryIO, sink: BinaryIO) -> None:
    """Answer each message with what ``run`` makes of it, until there are no more. Arrays have one
    axis on their way in."""
    while header := source.read(4):
        (count,) = struct.unpack(">i", header)
        outputs = run(dict(_read(source) for _ in range(count)))
        sink.write(struct.pack(">i", len(outputs)))
        for name, values in outputs.items():
            text, numbers = name.encode(), np.ravel(values).astype(">f4")
            sink.write(struct.pack(">H", len(text)) + text)
            sink.write(struct.pack(">i", len(numbers)) + numbers.tobytes())
        sink.flush()


def _read(source: BinaryIO) -> tuple[str, np.ndarray]:
    (length,) = struct.unpack(">H", source.read(2))
    name = source.read(length).decode()
    (size,) = struct.unpack(">i", source.read(4))
    return name, np.frombuffer(source.read(4 * size), ">f4").astype(np.float32)


def _open(path: str) -> Run:
    run = Interpreter(model_path=path, num_threads=1).get_signature_runner()
    shapes = {name: details["shape"] for name, details in run.get_input_details().items()}
    return lambda inputs: run(**{name: a.reshape(shapes[name]) for name, a in inputs.items()})


if __name__ == "__main__":
    serve(_open(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
