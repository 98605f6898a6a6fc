"""Model files of anybody: whatever is in them, commands end with a word and an exit code."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from typer.testing import CliRunner, Result

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import BadInputError, SmartwattsError
from smartwatts_ml.modelfiles import networks
from smartwatts_ml.modelfiles.inspection import describe_file
from tests.kinds.networks import embedded
from tests.modelfiles.litert_files import litert_file, with_signature
from tests.warm import WarmPython

MAIN = "from smartwatts_ml.__main__ import main; main()"
WINDOW = 64
INPUTS = {"mains_w": (1, WINDOW, 1)}
OUTPUTS = {"power_w": (1, WINDOW, 5), "on_probability": (1, WINDOW, 5)}


def said(**changes: Any) -> dict[str, Any]:
    """Details of a NILM file with these tensors, all true but for ``changes``."""
    return embedded("nilm", window=WINDOW) | changes


def nilm(details: Any = None, **others: Any) -> bytes:
    parts = {"inputs": INPUTS, "outputs": OUTPUTS, **others}
    return litert_file(**parts, details=said() if details is None else details)


def crashing() -> bytes:
    """Ends every process that runs it: the kernel takes a negative radius as it comes."""
    options = schema.LocalResponseNormalizationOptionsT()
    options.radius = -5
    code = schema.BuiltinOperator.LOCAL_RESPONSE_NORMALIZATION
    inner = {"read": (1, 4, 4, 1), "written": (1, 4, 4, 1)}
    return nilm(inner=inner, operator=(code, options, 3, 4))


def deep() -> bytes:
    """Brackets beyond any recursion, in the place of the details."""
    size = 10_000
    content = nilm({"kind": "nilm", "x": "[" * size})
    return content.replace(b'"' + b"[" * size + b'"', b"[" * (size + 2))


def replaced(old: str, new: str) -> bytes:
    """Of the JSON of the details, of the same length."""
    assert len(old) == len(new) and nilm().count(old.encode()) == 1
    return nilm().replace(old.encode(), new.encode())


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "not a .tflite file"),
    "text": (lambda: b"hello, I am a model", "not a .tflite file"),
    "noise": (lambda: b"\x08\0\0\0TFL3" + random.Random(0).randbytes(4096), "not a whole"),
    "half": (lambda: nilm()[: len(nilm()) // 2], "not a"),
    "without details": (lambda: litert_file(INPUTS, OUTPUTS), "no SmartWatts model"),
    "without a signature": (lambda: with_signature(nilm(), there=False), "signature"),
    "of another kind": (lambda: nilm({"kind": "anomaly"}), "is anomaly"),
    "of a later contract": (lambda: nilm(said(contract=99)), "contract 99"),
    "whose contract is a word": (lambda: nilm(said(contract="two")), "contract: "),
    "whose details are a list": (lambda: nilm([1, 2]), "no JSON object"),
    "whose details nest": (deep, "recursion limit"),
    "whose details have NaN": (lambda: replaced(": 500.0", ":   NaN"), "no JSON"),
    "whose details have infinity": (lambda: replaced(": 500.0", ": 1e999"), "finite number"),
    "of a negative period": (lambda: nilm(said(period_s=-60)), "period_s: "),
    "of a window of years": (lambda: nilm(said(window=10**9)), "window: "),
    "of a window not its own": (lambda: nilm(said(window=65)), "mains_w has to have shape"),
    "that lacks an output": (
        lambda: nilm(outputs={"power_w": (1, WINDOW, 5)}),
        "it says that its outputs are",
    ),
    "of other shapes": (lambda: nilm(inputs={"mains_w": (1, 7, 1)}), "it says that its inputs are"),
    "of more inputs": (
        lambda: nilm(inputs={**INPUTS, "other": (1, 1)}),
        "it says that its inputs are",
    ),
    "of integers": (lambda: nilm(dtype=schema.TensorType.INT32), "is int32 of shape"),
    "of a batch": (lambda: nilm(inputs={"mains_w": (2, WINDOW, 1)}), r"\[2, 64, 1\]"),
    "of negative size": (lambda: nilm(inputs={"mains_w": (1, -4, 1)}), "not a LiteRT model"),
    "of terabytes": (
        lambda: litert_file(
            {"x": (1, 2**30, 2**10)},
            {"y": (1, 2**30, 2**10)},
            said(),
            operator=(schema.BuiltinOperator.ABS, None, 0, 1),
        ),
        "not a LiteRT model that runs here: .+",
    ),
    "of TensorFlow's operations": (
        lambda: nilm(operator=("FlexErf", None, 0, 1)),
        "Select TensorFlow op",
    ),
}


@contextmanager
def here(file: str, work: str, *arguments: Any) -> Iterator[Callable[[Any], Any]]:
    """``apart`` without a process of its own, for files that end none."""
    yield resolve_name(work)(*arguments).send


def call(*words: str) -> Result:
    result = CliRunner().invoke(app, list(words))
    if not isinstance(result.exception, SmartwattsError | SystemExit | None):
        raise result.exception
    return result


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    minutes = np.datetime64("2026-01-01T00:00:00") + np.arange(200) * np.timedelta64(60, "s")
    rows = [f"{minute},{100 + i},home1/mains" for i, minute in enumerate(minutes)]
    path = tmp_path / "mains.csv"
    path.write_text("\n".join(("timestamp,consumption,device_id", *rows)) + "\n")
    return path


def verbs(model: Path, readings: Path) -> dict[str, tuple[str, ...]]:
    of_file = ("nilm", "--model-path", str(model))
    output = str(readings.with_name("P.csv"))
    return {
        "predict": ("predict", *of_file, "--input", str(readings), "--output", output),
        "evaluate": ("evaluate", *of_file, "--test-data", str(readings)),
    }


@pytest.mark.slow
def test_a_whole_file_predicts(tmp_path: Path, readings: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(nilm())
    result = call(*verbs(tmp_path / "m.tflite", readings)["predict"])
    assert result.exit_code == 0, result.output
    assert len((tmp_path / "P.csv").read_text().splitlines()) == 1 + 200 * 5


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_of_anybodys_is_refused_with_its_name(
    case: str, tmp_path: Path, readings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "apart", here)
    make, reason = REFUSED[case]
    model = tmp_path / "größe [b] 1.tflite"
    model.write_bytes(make())
    for verb, words in verbs(model, readings).items():
        error = call(*words).exception
        assert isinstance(error, BadInputError), verb
        assert error.exit_code == 3 and str(error).startswith(str(model)), str(error)
        with pytest.raises(BadInputError, match=reason):
            raise error
    call("models", "inspect", str(model))


@pytest.mark.slow
def test_a_crash_is_an_error_with_an_exit_code(
    warm_smartwatts: WarmPython, tmp_path: Path, readings: Path
) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(crashing())
    assert call("models", "inspect", str(model)).exit_code == 0
    run = warm_smartwatts.run(MAIN, *verbs(model, readings)["predict"])
    assert run.returncode == 3
    assert f"error: {model}: the process that opened it crashed (SIG" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("verb", ["predict", "evaluate", "convert"])
def test_a_folder_or_nothing_in_the_place_of_a_file(
    verb: str, tmp_path: Path, readings: Path
) -> None:
    for model, code in ((tmp_path, 2), (tmp_path / "none.tflite", 3)):
        words = verbs(model, readings).get(verb, ("convert", "--model-path", str(model)))
        result = call(*words)
        error = result.exception
        found = error.exit_code if isinstance(error, SmartwattsError) else result.exit_code
        assert found == code
    assert isinstance(call("models", "inspect", str(tmp_path)).exception, BadInputError)


def test_names_that_a_terminal_would_obey_are_shown(tmp_path: Path) -> None:
    odd = {"a\x1b[31m[/red] b/ü": (1, 4)}
    (tmp_path / "m.tflite").write_bytes(litert_file(odd, odd, {"left_out": {"[/x]": "\x07"}}))
    shown = call("models", "inspect", str(tmp_path / "m.tflite"))
    assert shown.exit_code == 0 and "a\ufffd[31m[/red] b/ü" in shown.stdout
    assert "\x07" not in shown.stdout and "\x1b" not in shown.stdout


def test_no_damage_makes_inspection_fail_in_another_way() -> None:
    rng, whole = random.Random(0), nilm()
    for _ in range(1000):
        content = bytearray(whole)
        for place in rng.sample(range(8, len(content)), rng.choice((1, 2, 8))):
            content[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
        try:
            describe_file(bytes(content), "m.tflite")
        except BadInputError as error:
            assert str(error).startswith("m.tflite: ")


def test_details_say_the_truth_of_the_files_here() -> None:
    assert json.loads(json.dumps(describe_file(nilm()).details)) == said()
