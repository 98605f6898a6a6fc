"""Work on model files of others in a process of its own.

Native code of TensorFlow and LiteRT can crash on a file, for good or bad reasons, and takes its
process with it. Here that is a child, and the crash an error. It is no sandbox: what a file makes
the child do is done with this user's permissions.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pkgutil import resolve_name
from types import TracebackType
from typing import Any

from smartwatts_ml.errors import BadInputError, SmartwattsError

__all__ = ["MEMORY_GIB", "apart"]

_CPU_S = 600
"""Processor time that the first answer may take, in seconds."""
MEMORY_GIB = 8
"""Memory that the process may take."""

_ENDS = {
    -signal.SIGKILL: "was killed, as happens where memory runs out",
    -signal.SIGXCPU: f"took more than {_CPU_S // 60} minutes of processor time",
}
_FIX = "it is damaged, or holds what cannot run here: make or export it again"


@contextlib.contextmanager
def apart(file: str, work: str, *arguments: Any) -> Iterator[Callable[[Any], Any]]:
    """A process that works on ``file``, a name for messages; it ends with the block.

    ``work`` is a generator function as "module:name". Yields ``ask(question)``: the first call,
    of None, gives what the generator yields first, each further one what it yields to the
    question. ``ask`` raises the SmartwattsError that the generator raised, and BadInputError
    where the process crashed, failed in another way or needed too much. All that goes to and
    fro is pickled.
    """
    ours, theirs = Pipe()
    with ours, tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    "TMPDIR": folder,  # what a crash leaves is gone with it
                },
            )

        def ask(question: Any) -> Any:
            try:
                ours.send(question)
                answer = ours.recv()
            except (EOFError, ConnectionError) as error:
                said.seek(0)
                ended = _how_it_ended(process.wait(), said.read().decode(errors="replace"))
                raise BadInputError(f"{file}: {ended}", fix=_FIX) from error
            if isinstance(answer, SmartwattsError):
                raise answer
            return answer

        try:
            with contextlib.suppress(ConnectionError):  # told by the first question
                ours.send((work, arguments))
            yield ask
        finally:
            process.kill()
            process.wait()


def _how_it_ended(status: int, said: str) -> str:
    if status > 0 and said.strip():
        return said.strip().splitlines()[-1]
    crashed = f"crashed ({signal.Signals(-status).name})" if status < 0 else f"ended with {status}"
    return f"the process that opened it {_ENDS.get(status, crashed)}"


def _limit(name: int, most: int) -> tuple[int, int]:
    """Set a limit of this process, where its own is not lower. What it was: soft and hard."""
    before = resource.getrlimit(name)
    bounds = [bound for bound in (most, *before) if bound != resource.RLIM_INFINITY]
    resource.setrlimit(name, (min(bounds), before[1]))
    return before


def _tell_shortly(kind: type[BaseException], value: BaseException, _: TracebackType | None) -> None:
    """The one line by which the other process tells of an error that nobody foresaw."""
    line = f"{kind.__name__}: {value}".splitlines()[0]
    if issubclass(kind, MemoryError):
        line = f"it needs more than the {MEMORY_GIB} GiB of memory that a file may take"
    print(line, file=sys.stderr)  # noqa: T201 - read by the process that started this one


def _serve(connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it in the midst of native code
    sys.excepthook = _tell_shortly
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_DATA, MEMORY_GIB * 2**30)
    processor = _limit(resource.RLIMIT_CPU, _CPU_S)
    work, arguments = connection.recv()
    answers = resolve_name(work)(*arguments)
    with contextlib.suppress(EOFError, ConnectionError, StopIteration):
        while True:
            try:
                answer = answers.send(connection.recv())
            except SmartwattsError as error:
                answer = error
            connection.send(answer)
            resource.setrlimit(resource.RLIMIT_CPU, processor)


if __name__ == "__main__":
    _serve(Connection(int(sys.argv[1])))
