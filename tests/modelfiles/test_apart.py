"""What happens to a process of its own is an error here, and nothing is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from smartwatts_ml.errors import BadInputError, UsageError
from smartwatts_ml.modelfiles.apart import MEMORY_GIB, apart

pytestmark = pytest.mark.slow


def adding(first: int) -> Generator[int, int, None]:
    answer = first
    while True:
        answer += yield answer


def signalled(number: int) -> Iterator[None]:
    os.kill(os.getpid(), number)
    yield


def greedy() -> Iterator[int]:
    yield len(bytearray((MEMORY_GIB + 1) * 2**30))


def refusing() -> Iterator[None]:
    raise UsageError("not so", fix="but so")
    yield


def failing() -> Iterator[None]:
    raise LookupError("of one line\nand another")
    yield


def leaving() -> Iterator[tuple[int, str]]:
    subprocess.run(["mktemp"], check=True)
    yield os.getpid(), os.environ["TMPDIR"]


def work(function: object) -> str:
    return f"{__name__}:{getattr(function, '__name__', '')}"


def test_each_question_has_its_answer() -> None:
    with apart("m", work(adding), 1) as ask:
        assert [ask(None), ask(2), ask(3)] == [1, 3, 6]


@pytest.mark.parametrize(
    ("function", "arguments", "says"),
    [
        (signalled, (signal.SIGSEGV,), r"crashed \(SIGSEGV\)"),
        (signalled, (signal.SIGKILL,), "was killed, as happens where memory runs out"),
        (signalled, (signal.SIGXCPU,), "took more than 10 minutes of processor time"),
        (greedy, (), "needs more than the 8 GiB of memory that a file may take"),
        (failing, (), "LookupError: of one line"),
    ],
    ids=["crash", "killed", "time", "memory", "unforeseen"],
)
def test_whatever_ends_it_names_the_file(
    function: object, arguments: tuple[int, ...], says: str
) -> None:
    with (
        apart("m.tflite", work(function), *arguments) as ask,
        pytest.raises(
            BadInputError,
            match=rf"^m\.tflite: (the process that opened it |it )?{says} \(it is damaged",
        ),
    ):
        ask(None)


def test_an_error_of_ours_stays_what_it_is() -> None:
    with apart("m", work(refusing)) as ask, pytest.raises(UsageError) as caught:
        ask(None)
    assert str(caught.value) == "not so (but so)"


def test_neither_process_nor_files_are_left() -> None:
    with apart("m", work(leaving)) as ask:
        process, folder = ask(None)
        assert list(Path(folder).iterdir())
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
