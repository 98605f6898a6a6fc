"""Simulated homes: repeatable, plausible, consistent, and as broken as asked for."""

from __future__ import annotations

import gzip
import json
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from smartwatts_ml.commands.simulate import simulate as simulate_command
from smartwatts_ml.errors import UsageError
from smartwatts_ml.simulate import SimulationReport, simulate
from smartwatts_ml.simulate.faults import Deliveries
from smartwatts_ml.simulate.files import HomeFiles, write_months

APPLIANCES = ["dishwasher", "fridge", "kettle", "microwave", "washing_machine"]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def lines(folder: Path) -> list[str]:
    found = []
    for path in sorted(folder.rglob("*.csv.gz")):
        head, *rest = gzip.decompress(path.read_bytes()).decode().splitlines()
        assert head == "timestamp,consumption,device_id"
        found += rest
    return found


@cache
def wide(folder: Path, site: str) -> pd.DataFrame:
    """Readings of a site, one column a channel, of files without faults."""
    frame = pd.concat(pd.read_csv(path) for path in sorted((folder / site).glob("*.csv.gz")))
    frame["timestamp"] = pd.to_datetime(frame.timestamp)
    frame = frame.pivot(index="timestamp", columns="device_id", values="consumption")
    return frame.rename(columns=lambda device: device.removeprefix(f"{site}/"))


def activations(watts: np.ndarray, threshold: float) -> list[np.ndarray]:
    on = np.flatnonzero(np.diff(watts > threshold, prepend=False, append=False))
    return [watts[first:last] for first, last in zip(on[::2], on[1::2], strict=True)]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three homes of 60 days, the first two sub-metered, without faults."""
    folder = tmp_path_factory.mktemp("clean")
    simulate(3, 60, folder, seed=3, submetered=2, clean=True)
    return folder


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SimulationReport]:
    """Two homes of 20 days with every fault."""
    folder = tmp_path_factory.mktemp("broken")
    return folder, simulate(2, 20, folder, seed=5)


def test_the_same_seed_writes_the_same_bytes(
    tmp_path: Path, broken: tuple[Path, SimulationReport]
) -> None:
    again = simulate(2, 20, tmp_path / "other", seed=5)
    assert contents(tmp_path / "other") == contents(broken[0])
    assert again.homes == broken[1].homes


def test_another_seed_makes_other_homes(
    tmp_path: Path, broken: tuple[Path, SimulationReport]
) -> None:
    simulate(2, 20, tmp_path, seed=6)
    mine, theirs = contents(tmp_path), contents(broken[0])
    assert all(mine[name] != theirs[name] for name in mine.keys() & theirs.keys())


def test_a_second_run_over_the_same_folder_changes_nothing(tmp_path: Path) -> None:
    simulate(1, 3, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    simulate(1, 3, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_other_readings_in_the_folder_are_never_overwritten(tmp_path: Path) -> None:
    simulate(1, 3, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match="holds other readings"):
        simulate(1, 3, tmp_path, seed=1)
    assert contents(tmp_path) == before


def test_more_homes_do_not_change_the_earlier_ones(tmp_path: Path) -> None:
    simulate(2, 5, tmp_path / "two", submetered=1)
    simulate(4, 5, tmp_path / "four", submetered=1)
    two, four = contents(tmp_path / "two"), contents(tmp_path / "four")
    assert two.items() <= four.items()


def test_a_run_that_goes_on_from_the_end_adds_files_beside_the_first(tmp_path: Path) -> None:
    first = simulate(1, 20, tmp_path, clean=True)
    assert first.end == "2026-01-21"
    simulate(1, 15, tmp_path, clean=True, start=date.fromisoformat(first.end))
    assert sorted(contents(tmp_path)) == [
        "home01/2026-01-21.csv.gz",
        "home01/2026-01.csv.gz",
        "home01/2026-02.csv.gz",
    ]
    mains = wide(tmp_path, "home01").index.to_series().diff().dropna()
    assert (mains == pd.Timedelta("60s")).all()


def test_landing_holds_nothing_but_csv(broken: tuple[Path, SimulationReport]) -> None:
    folder, report = broken
    assert sorted(contents(folder)) == sorted(f for home in report.homes for f in home.files)
    assert all(name.endswith(".csv.gz") for name in contents(folder))


def test_submetered_homes_have_every_channel_each_minute_and_others_mains_each_quarter(
    clean: Path,
) -> None:
    metered, other = wide(clean, "home01"), wide(clean, "home03")
    assert sorted(metered.columns) == sorted([*APPLIANCES, "mains"])
    assert len(metered) == 60 * 1440 and metered.notna().all().all()
    assert list(other.columns) == ["mains"] and len(other) == 60 * 96
    assert metered.index[0] == pd.Timestamp("2026-01-01 00:00:00")


def test_a_third_of_the_homes_and_at_least_one_is_submetered(tmp_path: Path) -> None:
    assert [len(h.channels) for h in simulate(1, 1, tmp_path / "a").homes] == [6]
    assert [len(h.channels) for h in simulate(6, 1, tmp_path / "b").homes] == [6, 6, 1, 1, 1, 1]


@pytest.mark.parametrize("site", ["home01", "home02"])
def test_mains_is_never_less_than_its_appliances_beyond_noise(clean: Path, site: str) -> None:
    frame = wide(clean, site)
    rest = frame["mains"] - frame[APPLIANCES].sum(axis=1)
    assert rest.min() > 0
    assert frame[APPLIANCES].min().min() == 0
    share = frame[APPLIANCES].to_numpy().sum() / frame["mains"].sum()
    assert 0.05 < share < 0.7


def test_the_same_home_uses_the_same_energy_at_any_period(tmp_path: Path) -> None:
    minute = simulate(1, 10, tmp_path / "m", clean=True)
    fast = simulate(1, 10, tmp_path / "f", clean=True, period_s=10)
    quarter = simulate(1, 10, tmp_path / "q", clean=True, submetered=0)
    assert minute.homes[0].mean_w == pytest.approx(fast.homes[0].mean_w, rel=2e-3)
    assert minute.homes[0].mean_w == pytest.approx(quarter.homes[0].mean_w, rel=2e-3)


@pytest.mark.parametrize("site", ["home01", "home02"])
def test_kettles_boil_two_to_four_minutes_at_two_to_three_kilowatts(clean: Path, site: str) -> None:
    boils = activations(wide(clean, site)["kettle"].to_numpy(), 1)
    assert 1.5 < len(boils) / 60 < 9
    assert 1990 < max(boil.max() for boil in boils) < 3020
    energies = np.array([boil.sum() / 60 for boil in boils])  # Wh
    assert energies.min() > 2000 * 120 / 3600 * 0.98
    assert energies.max() < 3000 * 240 / 3600 * 1.02
    assert {len(boil) for boil in boils} <= {2, 3, 4, 5}


@pytest.mark.parametrize("site", ["home01", "home02"])
def test_dishwashers_heat_twice_and_pump_between(clean: Path, site: str) -> None:
    watts = wide(clean, site)["dishwasher"].to_numpy()
    cycles = [run for run in activations(watts, 0.5) if run.max() > 1000]
    assert 0.2 < len(cycles) / 60 < 1.6
    twice = [len(activations(run, 1200)) == 2 for run in cycles]
    assert np.mean(twice) > 0.95
    for run in cycles:
        hot = np.flatnonzero(run > 1200)
        gap = run[hot[0] : hot[-1] + 1]
        assert 1750 < np.median(run[hot]) < 2350
        assert 20 < np.median(gap[gap < 300]) < 120


@pytest.mark.parametrize("site", ["home01", "home02"])
def test_washing_machines_heat_then_turn_then_spin(clean: Path, site: str) -> None:
    watts = wide(clean, site)["washing_machine"].to_numpy()
    cycles = [run for run in activations(watts, 2) if run.max() > 1000]
    assert 0.1 < len(cycles) / 60 < 1.2
    for run in cycles:
        hot = np.flatnonzero(run > 1200)
        assert hot[-1] < 0.6 * len(run), "no heating in the later part"
        drum = run[hot[-1] + 2 :]
        assert 40 < np.median(drum) < 400
        assert drum[-8:].max() > np.median(drum), "ends with a spin"
        assert 30 < len(run) < 120


@pytest.mark.parametrize("site", ["home01", "home02"])
def test_fridges_cycle_day_and_night(clean: Path, site: str) -> None:
    frame = wide(clean, site)
    runs = activations(frame["fridge"].to_numpy(), 30)
    assert 28 < len(runs) / 60 < 55
    assert 50 < np.median([np.median(run) for run in runs]) < 125
    night = frame["fridge"][frame.index.hour < 5]
    assert 15 < night.mean() < 80


@pytest.mark.parametrize("site", ["home01", "home02"])
def test_microwaves_come_in_short_bursts(clean: Path, site: str) -> None:
    bursts = activations(wide(clean, site)["microwave"].to_numpy(), 200)
    assert 0.5 < len(bursts) / 60 < 6
    assert np.median([len(burst) for burst in bursts]) <= 4
    assert 1000 < max(burst.max() for burst in bursts) < 1500


def test_weeks_recur_but_days_differ(tmp_path: Path) -> None:
    simulate(6, 90, tmp_path, submetered=0, clean=True)
    errors, flat = [], []
    for number in range(1, 7):
        hourly = wide(tmp_path, f"home{number:02d}")["mains"].resample("h").mean().to_numpy()
        past = np.mean([np.roll(hourly, 168 * k) for k in range(1, 5)], axis=0)[672:]
        errors.append(np.abs(past - hourly[672:]).sum() / hourly[672:].sum())
        flat.append(np.abs(hourly[:672].mean() - hourly[672:]).sum() / hourly[672:].sum())
    assert 0.25 < np.median(errors) < 0.55
    assert np.median(errors) < 0.85 * np.median(flat)


def test_nobody_boils_water_while_away(tmp_path: Path) -> None:
    simulate(3, 120, tmp_path, submetered=3, period_s=600, clean=True)
    quiet = 0
    for number in range(1, 4):
        frame = wide(tmp_path, f"home{number:02d}")
        daily = frame[APPLIANCES].resample("D").mean()
        quiet += int((daily["kettle"] == 0).sum())
        assert (daily["fridge"] > 5).all()
    assert 3 < quiet < 90


def test_panels_push_mains_below_zero_at_noon_only(tmp_path: Path) -> None:
    report = simulate(
        3, 20, tmp_path, submetered=1, solar_share=0.3, clean=True, start=date(2026, 6, 1)
    )
    assert [home.extras[-1:] == ("solar",) for home in report.homes] == [False, False, True]
    mains = wide(tmp_path, "home03")["mains"]
    assert mains[mains.index.hour == 12].min() < -300
    assert mains[mains.index.hour < 2].min() > 0
    assert wide(tmp_path, "home01")["mains"].min() > 0


def test_every_fault_is_there_and_reported(broken: tuple[Path, SimulationReport]) -> None:
    folder, report = broken
    for home in report.homes:
        intervals = 20 * 86_400 // home.period_s
        found = lines(folder / home.site)
        good = [line for line in found if is_reading(line)]
        assert len(good) == home.rows
        assert len(found) - len(good) == home.malformed > 0
        assert len(good) - len(set(good)) == home.duplicates > 0
        assert len(set(good)) == intervals * len(home.channels) - home.missing
        assert home.outages > 0 and home.missing > 0


def is_reading(line: str) -> bool:
    fields = line.split(",")
    try:
        pd.Timestamp(fields[0])
        return len(fields) == 3 and np.isfinite(float(fields[1])) and len(fields[0]) == 19
    except ValueError:
        return False


def test_a_late_file_fills_a_hole_of_an_earlier_one(
    broken: tuple[Path, SimulationReport],
) -> None:
    folder, report = broken
    late = report.homes[0].late_file
    assert late == "home01/2026-01-late.csv.gz"
    assert report.homes[1].late_file is None
    held_back = set(lines_of(folder / late))
    rest = set(lines_of(folder / "home01/2026-01.csv.gz"))
    assert held_back and not held_back & rest
    first, last = min(held_back)[:19], max(held_back)[:19]
    between = [line for line in rest if first < line[:19] < last and is_reading(line)]
    assert not between
    assert max(line[:19] for line in rest if is_reading(line)) > last


def lines_of(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()[1:]


def test_rows_that_go_to_and_fro_over_the_end_of_a_month_stay_in_their_months_file(
    tmp_path: Path,
) -> None:
    layout = HomeFiles(tmp_path, ["home01/mains"], np.datetime64("2026-01-31T23:56:00"), 60)
    at = np.array([0, 4, 3, 5, 2])  # two minutes of January after one of February
    rows = Deliveries(at, np.zeros(5, int), at * 10.0, {2: "torn, line", 4: "another"})
    files = {path.name: gzip.decompress(path.read_bytes()) for path in write_months(layout, rows)}
    assert {name: text.decode().splitlines()[1:] for name, text in files.items()} == {
        "2026-01-31.csv.gz": [
            "2026-01-31 23:56:00,0,home01/mains",
            "torn, line",
            "2026-01-31 23:59:00,30,home01/mains",
            "another",
            "2026-01-31 23:58:00,20,home01/mains",
        ],
        "2026-02.csv.gz": [
            "2026-02-01 00:00:00,40,home01/mains",
            "2026-02-01 00:01:00,50,home01/mains",
        ],
    }


@pytest.mark.slow
def test_clean_has_no_fault(clean: Path) -> None:
    found = lines(clean / "home01")
    assert all(map(is_reading, found))
    assert len(set(found)) == len(found) == 60 * 1440 * 6


@pytest.mark.parametrize(
    "wrong",
    [
        {"homes": 0},
        {"days": 0},
        {"seed": -1},
        {"submetered": 3},
        {"period_s": 7},
        {"period_s": 0},
        {"solar_share": 1.5},
    ],
)
def test_impossible_wishes_are_refused(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        simulate(**({"homes": 2, "days": 2, "out": tmp_path} | wrong))  # type: ignore[arg-type]
    assert not contents(tmp_path)


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(simulate_command)
    return app


def test_the_command_writes_homes_and_says_so_in_json(tmp_path: Path, app: typer.Typer) -> None:
    options = f"--homes 2 --days 6 --out {tmp_path} --seed 4 --submetered 1 --start 2026-03-30"
    result = CliRunner().invoke(app, [*options.split(), "--period", "300", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["start"], report["end"], report["seed"]) == ("2026-03-30", "2026-04-05", 4)
    assert [home["period_s"] for home in report["homes"]] == [300, 900]
    assert sorted(contents(tmp_path)) == sorted(f for h in report["homes"] for f in h["files"])
    assert report["rows"] == sum(home["rows"] for home in report["homes"])


def test_the_command_shows_a_table(tmp_path: Path, app: typer.Typer) -> None:
    options = f"--homes 1 --days 2 --out {tmp_path} --clean"
    result = CliRunner().invoke(app, options.split())
    assert result.exit_code == 0, result.output
    assert "home01" in result.stdout and "6 × 60 s" in result.stdout
    assert "17,280 rows" in result.stderr


def test_the_command_refuses_a_date_that_is_none(tmp_path: Path, app: typer.Typer) -> None:
    options = f"--homes 1 --days 2 --out {tmp_path} --start yesterday"
    assert CliRunner().invoke(app, options.split()).exit_code == 2
