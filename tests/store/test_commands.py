"""``smartwatts models`` and ``smartwatts keys``, as a user or a program meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from smartwatts_ml.commands.cli import WORK, app
from smartwatts_ml.errors import (
    BadInputError,
    NotFoundError,
    NotPublishedError,
    TrustError,
    UsageError,
)
from smartwatts_ml.modelfiles.litert import embed_details
from smartwatts_ml.stages.tasks import change_of_champion, roll_back
from smartwatts_ml.store import Store
from tests.store.helpers import content, keys_of, opened, publish


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two versions of nilm, the first in force again."""
    url = str(tmp_path / "root")
    monkeypatch.setenv("SMARTWATTS_ROOT", url)
    monkeypatch.setenv("SMARTWATTS_KEYS", str(keys_of(tmp_path)))
    monkeypatch.setenv("COLUMNS", "200")
    store = Store(opened(url), keys_of(tmp_path))
    publish(store, "nilm", "run1")
    publish(store, "nilm", "run2")
    store.rollback("nilm", 1, "bob", "v2 misses [kettles]")
    return url


def call(*args: str) -> Result:
    return CliRunner().invoke(app, list(args), catch_exceptions=False)


def json_of(*args: str) -> Any:
    return json.loads(call(*args, "--json").stdout)


def test_list_shows_each_models_champion(root: str) -> None:
    (row,) = json_of("models", "list")
    assert (row["model"], row["version"], row["serial"]) == ("nilm", 1, 3)
    assert row["file"] == f"{root}/models/nilm/nilm_v1.tflite"
    text = call("models", "list").stdout
    assert "v1 (rolled back)" in text
    assert row["expires"][:10] in text


def test_list_names_what_cannot_be_trusted_and_shows_the_rest(root: str, tmp_path: Path) -> None:
    publish(Store(opened(root), keys_of(tmp_path)), "anomaly", "run1")
    (Path(root) / "models/nilm/nilm_v1.json").write_bytes(b"{}")
    result = CliRunner().invoke(app, ["models", "list"])
    assert isinstance(result.exception, TrustError)
    assert "nilm_v1.json is not the one that was signed" in str(result.exception)
    assert "anomaly" in result.stdout


def test_list_of_an_empty_store_says_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    result = call("models", "list", "--root", str(tmp_path / "empty"))
    assert "smartwatts retrain" in result.output
    assert json_of("models", "list", "--root", str(tmp_path / "empty")) == []


def test_verify_of_an_empty_store_says_that_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    result = call("models", "verify", "--root", str(tmp_path / "empty"))
    assert result.exit_code == 0
    assert "no versions yet" in result.output
    assert json_of("models", "verify", "--root", str(tmp_path / "empty")) == []


def test_show_is_of_the_champion_or_of_a_version(root: str) -> None:
    assert json_of("models", "show", "nilm")["version"] == 1
    assert json_of("models", "show", "nilm", "--version", "v2")["run_id"] == "run2"
    text = call("models", "show", "nilm").stdout
    assert "12.5" in text
    assert "mains_w [1, 512, 1] W" in text
    with pytest.raises(NotFoundError):
        call("models", "show", "anomaly")


def test_show_gives_the_model_card(root: str) -> None:
    text = call("models", "show", "nilm", "--card").stdout
    assert "not for bills" in text and "3 homes" in text
    card = json_of("models", "show", "nilm", "--card", "--version", "2")
    assert (card["version"], card["sites"]) == (2, 3)


def test_history_shows_every_entry(root: str) -> None:
    entries = json_of("models", "history", "nilm")
    assert [entry["action"] for entry in entries] == ["promote", "promote", "rollback"]
    assert "v2 misses [kettles]" in call("models", "history", "nilm").stdout


def test_a_rollback_by_a_scheduler_tells_what_is_in_force(root: str) -> None:
    done = roll_back(root, "nilm", 2, "ann", "v1 is older")
    assert (done["model"], done["version"], done["serial"]) == ("nilm", 2, 4)
    assert done["changed"]
    assert change_of_champion(root, "nilm", done["serial"])["metrics"]["mae"] == 12.5


def test_rollback_wants_a_reason_and_takes_both_forms_of_a_version(root: str) -> None:
    assert call("models", "rollback", "nilm", "2").exit_code == 2
    assert call("models", "rollback", "nilm", "two", "--reason", "x").exit_code == 2
    done = json_of("models", "rollback", "nilm", "v2", "--reason", "v1 is older")
    assert (done["version"], done["serial"]) == (2, 4)
    assert json_of("models", "list")[0]["version"] == 2


def test_renew_moves_the_expiry_alone(root: str) -> None:
    renewed = json_of("models", "renew")
    assert (renewed["models"], renewed["problems"]) == (["nilm"], {})
    (row,) = json_of("models", "list")
    assert (row["serial"], row["expires"]) == (3, renewed["expires"])
    assert f"until {renewed['expires'][:10]}" in call("models", "renew").stdout


def test_pull_writes_all_models_or_those_named(root: str, tmp_path: Path) -> None:
    out = tmp_path / "assets"
    assert "nilm v1 updated" in call("models", "pull", "--to", str(out)).stdout
    assert (out / "nilm.tflite").read_bytes() == content("run1")
    assert "nilm v1 up to date" in call("models", "pull", "nilm", "--to", str(out)).stdout
    (pulled,) = json_of("models", "pull", "nilm", "--version", "2", "--to", str(out))
    assert (pulled["version"], pulled["updated"]) == (2, True)
    with pytest.raises(UsageError):
        call("models", "pull", "nilm", "anomaly", "--version", "2", "--to", str(out))
    with pytest.raises(NotFoundError):
        call("models", "pull", "anomaly", "--to", str(out))


def test_folders_that_are_no_models_are_left_alone(root: str) -> None:
    for name in (".DS_Store", "Old models", "nilm-backup"):
        (Path(root) / "models" / name).mkdir()
    assert [row["model"] for row in json_of("models", "list")] == ["nilm"]
    assert json_of("models", "renew")["models"] == ["nilm"]


def test_pull_reads_a_web_server_too(root: str, tmp_path: Path, web_server: Any) -> None:
    url = web_server(root)
    out = tmp_path / "assets"
    pulled = call("models", "pull", "nilm", "--to", str(out), "--root", url)
    assert "nilm v1 updated" in pulled.stdout
    assert (out / "nilm.tflite").read_bytes() == content("run1")
    assert "nilm v1 up to date" in call("models", "pull", "--to", str(out), "--root", url).stdout
    with pytest.raises(NotPublishedError, match=r"no model anomaly|not been published"):
        call("models", "pull", "anomaly", "--to", str(out), "--root", url)
    with pytest.raises(UsageError, match="cannot open root"):
        call("models", "renew", "--root", url)


def test_verify_names_what_is_wrong_and_repair_mends_it(root: str) -> None:
    assert "nilm: 3 serials, 2 versions" in call("models", "verify").stdout
    (Path(root) / "models/metadata/timestamp.json").unlink()
    result = CliRunner().invoke(app, ["models", "verify"])
    assert "models/metadata/timestamp.json: there is no timestamp" in result.stdout
    assert isinstance(result.exception, TrustError)
    assert "--repair" in str(result.exception)
    assert "repaired" in call("models", "verify", "--repair").stdout
    (audit,) = json_of("models", "verify", "nilm")
    assert audit["findings"] == []
    with pytest.raises(NotFoundError):
        call("models", "verify", "anomaly")


def test_prune_says_what_would_go_and_takes_days(root: str) -> None:
    options = ("--keep", "1", "--older-than", "0d")
    dry = call("models", "prune", *options, "--dry-run").stdout
    assert "nilm: would remove nothing, 2 versions stay" in dry  # v2 is newest, v1 in force
    (item,) = json_of("models", "prune", "nilm", *options)
    assert (item["versions"], item["kept"], item["dry_run"]) == ([], 2, False)
    assert call("models", "prune", "--keep", "0").exit_code == 2
    assert call("models", "prune", "--keep", "1", "--older-than", "soon").exit_code == 2


def tiny_tflite() -> bytes:
    """A graph whose input is its output."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.name = [1, 4, 1], schema.TensorType.FLOAT32, b"serve_x:0"
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [tensor], [0], [0], []
    named = schema.TensorMapT()
    named.name, named.tensorIndex = b"mains_w", 0
    signature = schema.SignatureDefT()
    signature.inputs, signature.outputs, signature.signatureKey = [named], [named], b"serve"
    model = schema.ModelT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    model.operatorCodes, model.signatureDefs, model.metadata = [], [signature], []
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_inspect_shows_a_files_interface_and_metadata(tmp_path: Path) -> None:
    file = tmp_path / "nilm.tflite"
    file.write_bytes(embed_details(tiny_tflite(), {"kind": "nilm", "threshold": 0.5}))
    described = json_of("models", "inspect", str(file))
    assert described["inputs"] == [{"name": "mains_w", "shape": [1, 4, 1], "dtype": "float32"}]
    assert described["details"] == {"kind": "nilm", "threshold": 0.5}
    assert "mains_w" in call("models", "inspect", str(file)).stdout


@pytest.mark.parametrize(("said", "contract"), [({}, 1), ({"contract": 2}, 2)])
def test_inspect_shows_the_contract_of_old_files_too(
    tmp_path: Path, said: dict[str, Any], contract: int
) -> None:
    file = tmp_path / "forecasting_24h.tflite"
    file.write_bytes(embed_details(tiny_tflite(), {"kind": "forecasting", **said}))
    assert json_of("models", "inspect", str(file))["contract"] == contract
    assert f"contract {contract} of inputs" in call("models", "inspect", str(file)).stdout


def test_inspect_of_a_file_without_metadata_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.tflite").write_bytes(tiny_tflite())
    assert "no embedded metadata" in call("models", "inspect", str(tmp_path / "x.tflite")).output


@pytest.mark.parametrize("data", [b"", b"text", b"\0\0\0\0TFL3", tiny_tflite()[:60]])
def test_inspect_of_no_model_is_bad_input(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.tflite").write_bytes(data)
    with pytest.raises(BadInputError):
        call("models", "inspect", str(tmp_path / "x.tflite"))
    with pytest.raises(BadInputError):
        call("models", "inspect", str(tmp_path / "none.tflite"))


def test_keys_are_made_listed_rotated_revoked_and_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, usb = str(tmp_path / "root"), str(tmp_path / "usb")
    monkeypatch.setenv("SMARTWATTS_ROOT", root)
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "here"))
    assert "smartwatts keys init" in call("keys", "list").output
    with pytest.raises(NotFoundError, match="keys init"):
        call("models", "renew")
    options = ("--threshold", "2", "--of", "3", "--offline", usb)
    made = json_of("keys", "init", "nilm", *options)
    assert (made["threshold"], made["models"]) == (2, ["nilm"])
    assert all(path.startswith(usb) for path in made["offline"])
    rows = json_of("keys", "list")
    assert {row["role"] for row in rows} == {"root", "targets", "snapshot", "timestamp", "models"}
    assert {row["role"] for row in rows if row["here"]} == {"snapshot", "timestamp", "models"}
    assert json_of("keys", "add-model", "water", "--offline", usb) == {"added": ["water"]}
    (old,) = (row["keyid"] for row in rows if row["role"] == "timestamp")
    new = json_of("keys", "rotate", "timestamp", "--offline", usb)["keyid"]
    shown = [row["keyid"] for row in json_of("keys", "list") if row["role"] == "timestamp"]
    assert shown == [new] != [old]
    json_of("keys", "revoke", new[:16], "--offline", usb, "--to", usb)
    lost = made["keyids"][0]
    json_of("keys", "revoke", lost, "--offline", usb, "--to", usb)
    assert json_of("keys", "renew-offline", "--offline", usb)["expires"]
    assert json_of("keys", "recover", "--offline", usb)["removed"] == []
    (tmp_path / "root.json").write_text(call("keys", "show").stdout)
    there = str(tmp_path / "there")
    call("keys", "trust", str(tmp_path / "root.json"), "--keys", there)
    assert not any(row["here"] for row in json_of("keys", "list", "--keys", there))
    with pytest.raises(UsageError, match="has keys already"):
        call("keys", "init")
    for bad in (tmp_path / "none.json", tmp_path / "usb"):
        with pytest.raises(BadInputError):
            call("keys", "trust", str(bad), "--keys", there)
    (tmp_path / "text.json").write_text("{}")
    with pytest.raises(BadInputError):
        call("keys", "trust", str(tmp_path / "text.json"), "--keys", there)
    with pytest.raises(UsageError, match="--uri needs --public"):
        call("keys", "rotate", "timestamp", "--uri", "awskms:x", "--offline", usb)


def test_one_key_for_root_is_said_to_be_fit_for_trying_things_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_ROOT", str(tmp_path / "root"))
    said = call("keys", "init", "--keys", str(tmp_path / "keys")).stdout
    assert "fit for trying things out" in said
    assert "remove them here" in " ".join(said.split())


@pytest.mark.parametrize("verb", [name for name in WORK if name.startswith(("models ", "keys "))])
def test_the_help_of_every_verb_has_an_example_of_it(verb: str) -> None:
    text = " ".join(call(*verb.split(), "--help").stdout.split())
    assert f"smartwatts {verb}" in text.partition("Usage:")[2].partition(verb)[2]
