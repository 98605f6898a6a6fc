"""TensorFlow's native code writes to standard error past every log level; hold that back."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

__all__ = ["import_keras", "native_stderr_kept"]


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


def import_keras() -> ModuleType:
    """Keras on TensorFlow, without a dozen lines of chatter; slow the first time."""
    if "keras" not in sys.modules:
        with native_stderr_kept():
            import keras  # noqa: F401
    return sys.modules["keras"]
