"""Model files by their suffix, what opening them loads, and what stays as it is."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import flatbuffers
import numpy as np
import pytest

from smartwatts_ml.commands.train import train_files
from smartwatts_ml.errors import BadInputError
from smartwatts_ml.kinds.base import Details, TrainOptions
from smartwatts_ml.modelfiles.conversion import ParityError
from smartwatts_ml.modelfiles.litert import embed_details, read_details
from smartwatts_ml.modelfiles.networks import load_network, open_network
from smartwatts_ml.simulate import simulate
from tests.stages.light import LightKind

SETTLED = ("CUDA_VISIBLE_DEVICES", "TF_CPP_MIN_LOG_LEVEL")


def python(code: str) -> str:
    """What a fresh process prints."""
    environment = {"PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", f"import os, sys\n{code}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


def test_importing_the_package_leaves_the_environment_of_its_host_alone() -> None:
    names = ("kinds.nilm.work", "modelfiles.networks", "modelfiles.conversion", "commands.cli")
    imports = "".join(f"import smartwatts_ml.{name}\n" for name in names)
    assert python(f"{imports}print([os.environ.get(name) for name in {SETTLED}])") == (
        "[None, None]"
    )


def test_a_command_of_our_own_looks_for_no_gpu() -> None:
    code = (
        "from smartwatts_ml.__main__ import main\n"
        "sys.argv = ['smartwatts', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([os.environ.get(name) for name in {SETTLED}])"
    )
    assert python(code) == "['-1', '3']"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "settled"),
    [
        ("from smartwatts_ml.stages.validate import validate\ntry: validate(None, print)", None),
        (
            "from smartwatts_ml.stages.tasks import model_stage\n"
            "try: model_stage('/nowhere/at/all', 'r', 'nilm', 'plan', {})",
            "-1",
        ),
    ],
    ids=["a stage as a library", "a task of our own"],
)
def test_tasks_of_our_own_alone_look_for_no_gpu(call: str, settled: str | None) -> None:
    shown = "print(os.environ.get('CUDA_VISIBLE_DEVICES'))"
    code = f"sys.modules['keras'] = os\n{call}\nexcept Exception: pass\n{shown}"
    assert python(code) == str(settled)


def test_a_file_of_another_suffix_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"onnx")
    with pytest.raises(BadInputError, match=r"model.onnx.*\.tflite, \.keras"), open_network(path):
        pass


def test_a_litert_file_loads_no_tensorflow() -> None:
    code = (
        "from smartwatts_ml.modelfiles.networks import load_network\n"
        "try: load_network(b'no file at all', 'm.tflite')\n"
        "except Exception as error: print(error)\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    assert python(code) == "[]"


def a_litert_file() -> bytes:
    """Whole as a flatbuffer, with details in it; of no operation."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT()
    model.buffers, model.subgraphs = [schema.BufferT()], [schema.SubGraphT()]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return embed_details(bytes(builder.Output()), {"kind": "nilm", "model": "nilm"})


def test_a_litert_file_that_was_cut_short_is_refused_as_damaged_wherever_the_cut_is() -> None:
    whole = a_litert_file()
    assert read_details(whole)["kind"] == "nilm"
    for size in range(8, len(whole)):
        with pytest.raises(BadInputError, match=r"half\.tflite: not a"):
            load_network(whole[:size], "half.tflite")
    with pytest.raises(BadInputError, match="not a whole"):
        load_network(whole[:20], "half.tflite")


@pytest.mark.slow
def test_a_keras_file_that_was_cut_short_is_refused_under_its_own_name() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("config.json", "{}")
    for content, reason in (
        (packed.getvalue()[:-10], "not a whole .keras file"),
        (packed.getvalue(), "Keras cannot load it"),
    ):
        with pytest.raises(BadInputError, match=rf"half\.keras: {reason}") as caught:
            load_network(content, "half.keras")
        assert tempfile.gettempdir() not in str(caught.value)


class Overflowing(LightKind):
    """Its inputs are so large that outputs are not finite."""

    def __init__(self) -> None:
        super().__init__()
        huge = {"history_w": np.full((4, 24, 1), np.inf, np.float32)}
        object.__setattr__(self.work, "sample_inputs", lambda *_: huge)


@pytest.mark.slow
def test_a_network_that_cannot_be_converted_replaces_no_file(tmp_path: Path) -> None:
    simulate(homes=1, days=20, out=tmp_path / "homes", seed=1)
    kind, out = Overflowing(), tmp_path / "models"
    out.mkdir()
    (out / "light_model.keras").write_bytes(b"the one before")
    with pytest.raises(ParityError, match="not finite"):
        train_files(kind, kind.spec(), TrainOptions(), [tmp_path / "homes"], out, "none")
    assert (out / "light_model.keras").read_bytes() == b"the one before"
    assert [path.name for path in out.iterdir()] == ["light_model.keras"]
    good = LightKind()
    train_files(good, good.spec(), TrainOptions(), [tmp_path / "homes"], out, "none")
    network = load_network((out / "light_model.keras").read_bytes(), "light_model.keras")
    assert Details.read(network.details).model == "light"
    assert {path.suffix for path in out.iterdir()} == {".keras", ".tflite", ".json"}
