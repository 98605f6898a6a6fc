"""HDF5 files as NILMTK writes them: by pandas and PyTables, blosc compressed."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smartwatts_ml.errors import BadInputError
from tests.imports.sets import START, read_rows, run

tables = pytest.importorskip("tables", reason="PyTables writes the files of these tests")


def meter(kinds: list[tuple[str, str]], count: int = 50, watts: float = 1.0) -> pd.DataFrame:
    index = pd.date_range(pd.Timestamp(START, unit="s", tz="UTC"), periods=count, freq="6s")
    values = np.full((count, len(kinds)), watts, np.float32) + np.arange(count)[:, None] % 3
    columns = pd.MultiIndex.from_tuples(kinds, names=["physical_quantity", "type"])
    frame = pd.DataFrame(values, index.tz_convert("Europe/London").as_unit("ns"), columns)
    return frame.astype(np.float32)


def make(
    path: Path, meters: dict[int, pd.DataFrame], elec: dict[int, Any], appliances: list[Any]
) -> Path:
    with pd.HDFStore(path, "w", complevel=9, complib="blosc") as store:
        for number, frame in meters.items():
            key = f"/building1/elec/meter{number}"
            store.put(key, frame, format="table", track_times=False)
        handle = store._handle
        handle.root._v_attrs.metadata = {"name": "UK-DALE", "meter_devices": {}}
        building = handle.get_node("/building1")
        building._f_setattr("metadata", {"elec_meters": elec, "appliances": appliances})
    return path


ACTIVE, APPARENT = ("power", "active"), ("power", "apparent")


def test_meters_become_mains_and_appliances(tmp_path: Path) -> None:
    meters = {
        1: meter([APPARENT], watts=900),
        2: meter([ACTIVE], watts=10),
        3: meter([("voltage", ""), APPARENT, ACTIVE], watts=20),
        4: meter([ACTIVE], watts=40),
        5: meter([("voltage", "")]),
        6: meter([APPARENT], watts=500),
        54: meter([APPARENT, ACTIVE], watts=700),
    }
    elec = {k: {"submeter_of": 0, "device_model": "x"} for k in meters}
    elec[1] = {"site_meter": True, "disabled": True}
    elec[6] = elec[54] = {"site_meter": True}
    appliances = [
        {"type": "electric oven", "instance": 1, "meters": [2, 3]},
        {"type": "fridge freezer", "instance": 1, "meters": [4]},
        {"type": "kettle", "instance": 1, "meters": [5]},
    ]
    path = make(tmp_path / "d.h5", meters, elec, appliances)
    report = run("nilmtk-h5", path, tmp_path / "out")
    rows = read_rows(tmp_path / "out")
    assert {name: len(device) for name, device in rows.items()} == {
        "ukdale_house1/oven": 50,
        "ukdale_house1/fridge": 50,
        "ukdale_house1/mains": 50,
    }
    assert rows["ukdale_house1/oven"][0] == ("2014-03-01T00:00:00Z", 30.0)
    assert rows["ukdale_house1/mains"][0][1] == 1200.0
    powers = {c.name: c.power for c in report.houses[0].channels}
    assert powers == {"oven": "active", "fridge": "active", "mains": "mixed"}
    assert report.houses[0].notes[:2] == [
        "meter1 is disabled in the data set",
        "meter5 measures no power",
    ]


def test_appliances_that_share_a_meter_are_named_together(tmp_path: Path) -> None:
    meters = {1: meter([ACTIVE]), 2: meter([ACTIVE]), 3: meter([ACTIVE])}
    appliances = [
        {"type": "kettle", "instance": 1, "meters": [1]},
        {"type": "toaster", "instance": 1, "meters": [1]},
        {"type": "microwave", "instance": 1, "meters": [2], "dominant_appliance": True},
        {"type": "radio", "instance": 1, "meters": [2]},
    ]
    path = make(tmp_path / "d.h5", meters, {1: {}, 2: {}, 3: {}}, appliances)
    report = run("nilmtk-h5", path, tmp_path / "out")
    assert [c.name for c in report.houses[0].channels] == [
        "kettle_and_toaster",
        "microwave",
        "meter3",
    ]


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = make(tmp_path / "d.h5", {1: meter([ACTIVE])}, {1: {}}, [])
    with h5py.File(path, "a") as file:
        file["building1"].attrs["metadata"] = np.bytes_(pickle.dumps(Trap(tmp_path / "ran"), 0))
    with pytest.raises(BadInputError, match=r"it would run posix.mkdir"):
        run("nilmtk-h5", path, tmp_path / "out")
    assert not (tmp_path / "ran").exists()


def test_mains_of_which_a_meter_lacks_its_table_is_named_so(tmp_path: Path) -> None:
    meters = {k: meter([ACTIVE], watts=k) for k in (1, 2)}
    elec: dict[int, Any] = {1: {"site_meter": True}, 3: {"site_meter": True}, 2: {}, 4: {}}
    oven = {"type": "electric oven", "instance": 1, "meters": [2, 4]}
    path = make(tmp_path / "d.h5", meters, elec, [oven])
    report = run("nilmtk-h5", path, tmp_path / "out")
    names = [channel.name for channel in report.houses[0].channels]
    assert sorted(names) == ["mains_1_of_2", "oven_1_of_2"]


def test_files_that_are_not_nilmtks_say_what_to_do(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = make(tmp_path / "d.h5", {1: meter([ACTIVE])}, {1: {}}, [])
    cut = tmp_path / "cut.h5"
    cut.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(BadInputError, match=r"only a part of one"):
        run("nilmtk-h5", cut, tmp_path / "out")
    with pytest.raises(BadInputError, match=r"is a folder"):
        run("nilmtk-h5", tmp_path, tmp_path / "out")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = [1]
    with pytest.raises(BadInputError, match=r"has no /building<n>"):
        run("nilmtk-h5", tmp_path / "other.h5", tmp_path / "out")
    with h5py.File(path, "a") as file:
        del file["building1"].attrs["metadata"]
    with pytest.raises(BadInputError, match=r"/building1 has no metadata"):
        run("nilmtk-h5", path, tmp_path / "out")
