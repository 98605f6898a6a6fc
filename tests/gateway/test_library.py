"""A month of readings over a clock change: the gateway's library, reading by reading and through a
restart, tells what ``smartwatts predict`` makes of them as a whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.forecasting.holiday import holiday_flags
from smartwatts_ml.localtime import wall_clock
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.settings import Settings
from smartwatts_ml.simulate import simulate
from tests.gateway.files import EXAMPLES, JVM, compile_java, model_file
from tests.gateway.networks import HORIZON, Made
from tests.kinds.networks import embedded

pytestmark = pytest.mark.slow
CASES = {
    "spring": ("Europe/Berlin", "2026-03-29T01:00", True),
    "half hours": ("Europe/Berlin", "2026-03-29T01:00", False),
    "autumn": ("Europe/Berlin", "2026-10-25T01:00", False),
    "half an hour back": ("Australia/Lord_Howe", "2026-04-04T15:00", False),
    "half an hour ahead": ("Australia/Lord_Howe", "2026-10-03T15:30", True),
}
"""Zone, instant of the change, and whether the forecast has holidays and temperatures. Where it has
not, it leaves a day out, and limits follow the home; where it has, the file of anomalies is one of
before they did. In autumn each run of loud hours is an alert. That of half hours has a file of NILM
whose samples these are."""
HALF_HOURS = {"period_s": 1800, "window": 192}
BEFORE_D, AFTER_D = 26, 9
MINUTE = np.timedelta64(60, "s")
DAY = np.timedelta64(1, "D")
COLUMNS = {
    "power": ["timestamp", "consumption", "appliance"],
    "activation": ["appliance", "start", "end", "energy_kwh", "mean_w"],
    "day": ["appliance", "day", "energy_kwh", "measured_h"],
    "forecast": ["issued_at", "timestamp", "consumption", "p10", "p90"],
    "energy": ["issued_at", "period", "hours", "energy_kwh", "p10_kwh", "p90_kwh"],
    "score": ["timestamp", "score", "alert"],
    "alert": ["number", "start", "end", "severity", "kind", "energy_kwh", "message"],
}
TEXTS = {"appliance", "day", "period", "severity", "kind", "message"}
STAMPS = {"timestamp", "start", "end", "issued_at"}
Rows = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Home:
    """Readings in a folder, and the details of the files that look at them."""

    folder: Path
    zone: str
    begin: np.datetime64
    change: np.datetime64
    end: np.datetime64
    details: Mapping[str, dict[str, Any]]

    def readings(self, until: np.datetime64 | None = None) -> FileReadings:
        """Those that start before an instant."""
        rows = pd.read_csv(self.folder / "home1.csv", dtype=str)
        if until is not None:
            rows = rows[rows["timestamp"] < f"{until}Z"]
        file = self.folder / "until" / "home1.csv"
        file.parent.mkdir(exist_ok=True)
        rows.to_csv(file, index=False)
        return FileReadings([file.parent], Settings(timezone=self.zone))


def made_watts(times: np.ndarray, zone: str, seed: int) -> np.ndarray:
    """A home by its own clock: habits, appliances, and what is odd; NaN where nothing was read."""
    rng = np.random.default_rng(seed)
    minutes = wall_clock(zone).to_wall(times).astype("M8[m]").astype(np.int64) % 1440
    count = len(times)
    watts = 150 + 250 * np.exp(-(((minutes - 1150) / 120) ** 2)) + rng.normal(0, 8, count)
    watts += 110 * (np.arange(count) % 53 < 17)
    for level, often, shortest, longest in (
        (1900, 220, 1, 6),
        (1200, 150, 2, 12),
        (850, 40, 8, 110),
        (480, 60, 20, 90),
    ):
        for start in rng.integers(0, count, often):
            watts[start : start + rng.integers(shortest, longest)] += level
    hours = count // 60
    for first, lasting, factor in ((0.55, 9, 0.0), (0.62, 30, 3.0), (0.70, 4, 8.0), (0.9, 50, 0.1)):
        start = 60 * int(first * hours)
        watts[start : start + 60 * lasting] *= factor
    still = 60 * int(0.8 * hours)
    watts[still : still + 60 * 31] = 431.7
    watts[60 * int(0.35 * hours) :] += 190
    watts[60 * int(0.45 * hours) + np.array([3, 4, 700])] = 14_000
    for first, lasting in ((0.1, 20), (0.2, 35), (0.3, 200), (0.4, 1600), (0.66, 40)):
        start = 60 * int(first * hours) + 3  # ten minutes past: 35 missing are more than half
        watts[start : start + lasting] = np.nan
    watts[rng.random(count) < 0.02] = np.nan
    return watts.round(1)


def make_home(folder: Path, case: str) -> Home:
    zone, change, outside = CASES[case]
    at = np.datetime64(change, "s")
    midnight = wall_clock(zone).to_wall(at).astype("M8[D]").astype("M8[s]")
    begin, end = (
        np.datetime64(wall_clock(zone).to_utc(midnight + days * DAY)[0])
        for days in (-BEFORE_D, AFTER_D)
    )
    begin = begin + 7 * MINUTE
    times = np.arange(begin, end, MINUTE)
    watts = made_watts(times, zone, len(case))
    near = np.abs(times - at) < 20 * MINUTE  # no more than two thirds of an hour that changes
    watts[near & (times >= at)] = np.nan
    known = np.isfinite(watts)
    warm = np.arange(begin.astype("M8[h]") - 700 * 60 * MINUTE, end + 5 * DAY, 60 * MINUTE)
    lines = ["timestamp,consumption,device_id"]
    lines += [f"{t}Z,{w},home1/mains" for t, w in zip(times[known], watts[known], strict=True)]
    lines += [f"{t}Z,{i % 31 - 4},home1/temperature" for i, t in enumerate(warm)]
    (folder / "home1.csv").write_text("\n".join(lines))
    details = details_of(outside)
    if case == "half hours":
        details["nilm"] |= embedded("nilm", **HALF_HOURS)
    details["anomaly"]["quiet_repeats"] = case != "autumn"
    return Home(folder, zone, begin, at, end, details)


def details_of(outside: bool) -> dict[str, dict[str, Any]]:
    details = {kind: embedded(kind) for kind in ("nilm", "forecasting", "anomaly")}
    forecast = details["forecasting"]
    forecast["horizon"], forecast["contract"] = HORIZON, 2
    forecast["outputs"][0]["shape"] = [1, HORIZON, 3]
    if outside:
        forecast["outside"] = {"country": "DE-BY", "temperature": True, "ahead": HORIZON}
        forecast["inputs"] += [
            {"name": name, "shape": [1, 672 + HORIZON, 1]} for name in ("holiday", "temperature_c")
        ]
    else:
        forecast["left_out"] = {"day 2": "WAPE 0.4 against 0.3 of last_week"}
        details["anomaly"]["limit"] = {"step": 0.3, "fall": 0.001, "most": 1.0}
        details["anomaly"]["outputs"].append({"name": "rise", "shape": [1, 1]})
    details["anomaly"]["threshold"] = 0.95
    details["nilm"]["on_cuts"]["fridge"] = 0.55
    return details


def write_inputs(home: Home, command: list[str], files: Mapping[str, bytes]) -> None:
    """What ``Replay`` reads: readings as long as they last, and all else that an app knows."""
    for kind, content in files.items():
        (home.folder / f"{kind}.tflite").write_bytes(content)
    (home.folder / "command.txt").write_text("\n".join(command))
    (home.folder / "zone.txt").write_text(home.zone)
    devices = home.readings().read_devices("home1")
    for channel, name in (("mains", "readings"), ("temperature", "temperatures")):
        device = devices[channel]
        rows = zip(device.stamps, device.ends, device.values, strict=True)
        lines = (f"{start // 10**6},{end // 10**6},{value}" for start, end, value in rows)
        (home.folder / f"{name}.csv").write_text("\n".join(lines))
    days = np.arange(home.begin - 60 * DAY, home.end + 60 * DAY, DAY).astype("M8[D]")
    holidays = days[holiday_flags(days, "DE-BY") > 0]
    (home.folder / "holidays.txt").write_text("\n".join(map(str, holidays)))


def replayed(home: Home, classes: str, start: np.datetime64, end: np.datetime64) -> dict[str, Any]:
    """Rows by what they tell, from a process of its own."""
    seconds = (str(int(at.astype(np.int64))) for at in (start, end))
    command = [*JVM, "-ea", "-cp", classes, "Replay", "replay", str(home.folder), *seconds]
    run = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert run.returncode == 0, run.stderr
    rows: dict[str, list[list[str]]] = {}
    for line in run.stdout.splitlines():
        what, *values = line.split("\t")
        rows.setdefault(what, []).append(values)
    return rows


def frames(rows: Mapping[str, list[list[str]]], ahead: str = "") -> dict[str, pd.DataFrame]:
    made = {}
    for what, columns in COLUMNS.items():
        frame = pd.DataFrame(rows.get(ahead + what, []), columns=columns)
        for name in set(columns) - TEXTS:
            frame[name] = frame[name].astype(float)
        for name in STAMPS & set(columns):
            frame[name] = frame[name].astype("int64").astype("datetime64[s]")
        made[what] = frame
    return made


def predicted(
    readings: FileReadings, networks: Callable[[str], Any], start: np.datetime64
) -> dict[str, pd.DataFrame]:
    """The same from Python."""

    def rows(kind: str, **options: Any) -> pd.DataFrame:
        work = find_kind(kind).work
        made = list(work.predict(work.predictor(networks(kind)), readings, **options))
        return pd.concat(made, ignore_index=True)

    power = rows("nilm")
    power["appliance"] = power.pop("device_id").str.removeprefix("home1/")
    alerts = rows("anomaly", alerts=True)
    alerts.insert(0, "number", np.arange(1.0, len(alerts) + 1))
    forecasts: dict[str, Any] = {"from_": start, "every": "1h"}
    told = {
        "power": power,
        "activation": rows("nilm", activations=True),
        "day": rows("nilm", energy=True),
        "forecast": rows("forecasting", **forecasts),
        "energy": rows("forecasting", **forecasts, energy=True),
        "score": rows("anomaly"),
        "alert": alerts,
    }
    return {what: told[what][columns] for what, columns in COLUMNS.items()}


def same(found: pd.DataFrame, wanted: pd.DataFrame, what: str) -> None:
    """Row by row, numbers to 1e-5."""
    keys = [name for name in COLUMNS[what] if name in TEXTS | STAMPS]
    keys = [name for name in keys if name != "message"]
    found, wanted = (frame.sort_values(keys, ignore_index=True) for frame in (found, wanted))
    assert not found.duplicated(keys).any() and len(found) == len(wanted)
    for name in COLUMNS[what]:
        if name in TEXTS | STAMPS:
            differ = found[name].astype(str) != wanted[name].astype(str)
            assert not differ.any(), (what, found[differ], wanted[differ])
        else:
            a, b = (frame[name].to_numpy(float) for frame in (found, wanted))
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=f"{what}: {name}")


def joined(*parts: Rows) -> dict[str, pd.DataFrame]:
    return {what: pd.concat([part[what] for part in parts]) for what in COLUMNS}


@pytest.mark.parametrize(
    "case",
    [
        "half an hour back",
        "half hours",
        *(
            pytest.param(case, marks=pytest.mark.full)
            for case in ("spring", "autumn", "half an hour ahead")
        ),
    ],
)
def test_a_month_over_a_clock_change_is_told_as_predict_tells_it(
    case: str, replay: str, tmp_path: Path
) -> None:
    home = make_home(tmp_path, case)
    server = [sys.executable, str(Path(__file__).with_name("networks.py"))]
    write_inputs(home, server, {kind: model_file(said) for kind, said in home.details.items()})
    told = compare(home, replay, lambda kind: Made(home.details[kind]))
    assert all(len(rows) > 5 for rows in told.values())


def compare(home: Home, classes: str, networks: Callable[[str], Any]) -> Rows:
    """Both over the whole month, and up to a restart two hours after the change."""
    restart = home.change + 127 * MINUTE
    before = replayed(home, classes, home.begin, restart)
    after = replayed(home, classes, restart, home.end)
    wanted = predicted(home.readings(), networks, home.begin)
    found = joined(frames(before), frames(after), frames(after, "so far "))
    found["alert"] = found["alert"].drop_duplicates("number", keep="last")
    found["forecast"] = found["forecast"].drop_duplicates()
    found["energy"] = found["energy"].drop_duplicates()
    for what in COLUMNS:
        same(found[what], wanted[what], what)
    by_then = predicted(home.readings(restart), networks, home.begin)
    so_far = joined(frames(before), frames(before, "so far "))
    for what in ("power", "activation", "day"):
        same(so_far[what], by_then[what], what)
    return wanted


BRIEF = {"NILM_STEPS": 24, "NILM_SIMULATED_HOMES": 8, "NILM_MEMBERS": 1, "ANOMALY_EPOCHS": 2,
         "FORECASTING_EPOCH_WINDOWS": 512, "ANOMALY_INJECTED_WINDOWS": 1000}  # fmt: skip


@pytest.mark.full
def test_files_of_litert_tell_the_same(
    replay: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in BRIEF.items():
        monkeypatch.setenv(f"SMARTWATTS_{name}", str(value))
    simulate(homes=3, days=75, out=tmp_path / "homes", seed=5, submetered=2)
    files = {}
    for kind in ("nilm", "forecasting", "anomaly"):
        places = ("--data-dir", str(tmp_path / "homes"), "--output-dir", str(tmp_path / kind))
        done = CliRunner().invoke(app, ["train", kind, *places, "--epochs", "1"])
        assert done.exit_code == 0, done.output
        (file,) = (tmp_path / kind).glob("*.tflite")
        files[kind] = file.read_bytes()
    folder = tmp_path / "home"
    folder.mkdir()
    home = make_home(folder, "autumn")
    write_inputs(home, [sys.executable, str(EXAMPLES / "model_server.py")], files)
    compare(home, replay, lambda kind: LiteRTNetwork(files[kind]))


def test_a_state_that_is_damaged_or_of_something_else_is_refused(
    replay: str, tmp_path: Path
) -> None:
    home = make_home(tmp_path, "spring")
    server = [sys.executable, str(Path(__file__).with_name("networks.py"))]
    write_inputs(home, server, {kind: model_file(said) for kind, said in home.details.items()})
    replayed(home, replay, home.begin, home.begin + 3 * DAY)
    command = [*JVM, "-cp", replay, "Replay", "damage", str(home.folder)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=500)
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    for name, length, refused, whole in rows[:3]:
        assert refused == length and whole == "false", name
    assert rows[3] == ["swapped", "true", "true", "true"]
    assert rows[4][1].startswith("the state is of local hours 1 of Europe/Berlin")


def test_what_would_be_wrong_without_a_word_is_refused(replay: str, tmp_path: Path) -> None:
    details = details_of(outside=True)
    details["newer"] = details["anomaly"] | {"contract": 3}
    details["sizes"] = embedded("forecasting") | {"outputs": details["forecasting"]["outputs"]}
    details["lacking"] = {n: v for n, v in details["anomaly"].items() if n != "threshold"}
    for name, said in details.items():
        (tmp_path / f"{name}.tflite").write_bytes(model_file(said))
    command = [*JVM, "-cp", replay, "Replay", "refusals", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stderr) == (0, "")
    said = dict(line.split("\t") for line in run.stdout.splitlines())
    wanted = {
        "kind": "a model of anomaly instead of nilm",
        "contract": "contract 3 of anomaly; known are those up to 2",
        "lacking": "it lacks what using it needs (threshold)",
        "outside": "where {history_w=672, hour_of_week=1} are given and {power_w=216} wanted",
        "sizes": "where {history_w=672, hour_of_week=1} are given and {power_w=72} wanted",
        "coarse": "a reading of 900 s, where the file takes mains every 60 s",
        "order": "no reading after 6060: 100.0 W from 6000 to 6060",
        "long": "no reading of an hour or less: 100.0 from 0 to 7200",
        "forgotten": "a ring of 672 hours no longer has 672",
        "silent": "the model gave no values of score instead of 1",
    }
    assert said.keys() == wanted.keys()
    assert all(message in said[name] for name, message in wanted.items()), said


def test_the_examples_fit_the_library_and_litert(library: Path, tmp_path: Path) -> None:
    stubs = sorted(Path(__file__).with_name("litert_stubs").rglob("*.java"))
    compile_java(tmp_path, *stubs, *sorted(EXAMPLES.glob("*.java")), classes=library)
    assert {"Home", "InterpreterModel", "CompiledModelModel", "PythonModel"} <= {
        path.stem for path in tmp_path.glob("*.class")
    }
