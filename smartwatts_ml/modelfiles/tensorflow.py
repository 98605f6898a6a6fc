"""Where TensorFlow starts, and what its native code writes to standard error past every log
level."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

__all__ = ["native_stderr_kept", "settle_environment", "start_tensorflow"]


@contextmanager
def native_stderr_kept() -> Iterator[None]:
    """Keep what is written to the process's standard error; show it if the block fails."""
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(original, kept.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)


def settle_environment() -> None:
    """For a process of our own, before TensorFlow is imported: no chatter at its start, and
    no search for a GPU, which is of no use to networks this small."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    for chatty in ("numexpr", "tensorflow"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def start_tensorflow() -> None:
    """Import Keras on TensorFlow, with the environment that the process has; slow the first
    time."""
    with native_stderr_kept():
        import_module("keras")
