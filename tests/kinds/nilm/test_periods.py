"""From 10 s to half an hour: what a sample tells, and what is said where it does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import BadInputError, NotEnoughReadingsError, UsageError
from smartwatts_ml.kinds.nilm import KIND
from smartwatts_ml.kinds.nilm.appliances import activations, on_threshold
from smartwatts_ml.kinds.nilm.corpus import Corpus, build_corpus
from smartwatts_ml.kinds.nilm.events import is_brief
from smartwatts_ml.kinds.nilm.grid import Grid, window_seconds
from smartwatts_ml.kinds.nilm.network import build_networks
from smartwatts_ml.kinds.nilm.settings import NilmSettings
from smartwatts_ml.kinds.nilm.simulated import simulated_sites
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.resample import MICRO, DeviceReadings
from smartwatts_ml.settings import Settings
from smartwatts_ml.simulate import simulate
from smartwatts_ml.simulate.generate import meter
from smartwatts_ml.simulate.life import live
from smartwatts_ml.simulate.world import make_world
from tests.kinds.networks import embedded
from tests.readings.homes import KeptReadings

PERIODS = (10, 60, 300, 900, 1800)
START = np.datetime64("2026-06-01")
run = CliRunner().invoke


def homes(period_s: int, days: int, count: int = 2) -> KeptReadings:
    """Homes with large loads, all sub-metered, every ``period_s``."""
    kept = {}
    for number in range(count):
        life = live(f"home{number}", make_world(3, START, days))
        watts = meter(life, period_s, large=True)
        stamps = START.astype("M8[us]").astype(np.int64) + period_s * MICRO * np.arange(
            len(watts["mains"])
        )
        kept[life.site] = {n: DeviceReadings(stamps, w.astype("f4")) for n, w in watts.items()}
    return KeptReadings(kept)


def corpus_of(period_s: int, days: int = 60) -> Corpus:
    chosen = NilmSettings(period_s=period_s, min_activations=4)
    grid = Grid.for_period(period_s, chosen.window_s)
    return build_corpus(homes(period_s, days), chosen, grid.window)


@pytest.fixture(scope="module")
def half_hours() -> Corpus:
    return corpus_of(1800)


@pytest.mark.parametrize("period_s", PERIODS)
def test_a_window_is_of_512_minutes_or_of_192_samples(period_s: int) -> None:
    grid = Grid.for_period(period_s, window_seconds(period_s))
    assert grid.window * period_s >= 512 * 60 and grid.window >= 192
    assert 512 * 60 in (grid.window * period_s, window_seconds(60))


@settings(deadline=None)
@given(st.integers(10, 1800))
def test_a_window_of_any_period_can_be_folded_and_slid_by_half(period_s: int) -> None:
    grid = Grid.for_period(period_s, window_seconds(period_s))
    assert grid.window % (grid.pool * grid.fold) == 0
    assert grid.window % 2 == 0 and 32 <= grid.window <= 8640


@pytest.mark.parametrize("period_s", PERIODS)
def test_a_file_says_its_period_and_window_and_its_model_follows_them(period_s: int) -> None:
    window = Grid.for_period(period_s, window_seconds(period_s)).window
    details = KIND.read_details(embedded("nilm", period_s=period_s, window=window))
    spec = KIND.spec_of(details)
    assert (spec.period_s, spec.window_s) == (period_s, window * period_s)


def test_the_settings_of_a_model_are_its_period_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTWATTS_NILM_PERIOD_S", "1800")
    assert (KIND.spec().period_s, KIND.spec().window_s) == (1800, 4 * 86_400)
    monkeypatch.setenv("SMARTWATTS_NILM_WINDOW_MINUTES", "512")
    with pytest.raises(UsageError, match=r"WINDOW_MINUTES.* 17 samples of 1800 s"):
        KIND.spec()


@pytest.mark.parametrize("period_s", [9, 1801])
def test_what_is_no_period_is_refused(period_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTWATTS_NILM_PERIOD_S", str(period_s))
    with pytest.raises(UsageError, match="SMARTWATTS_NILM_PERIOD_S"):
        KIND.spec()


def test_files_of_before_know_nothing_of_what_a_period_does_not_tell() -> None:
    said = embedded("nilm")
    assert "not_told" not in said
    assert KIND.read_details(said).not_told == {}


def test_a_threshold_of_a_mean_over_half_an_hour_is_below_that_over_a_minute() -> None:
    for name in ("dishwasher", "washing_machine", "kettle", "microwave", "fridge"):
        assert on_threshold(name, 1800, None, {}) < on_threshold(name, 60, None, {})


@pytest.mark.parametrize(
    ("name", "told_up_to"),
    [("microwave", 240), ("kettle", 360), ("dishwasher", 1800), ("ev", 1800)],
)
def test_an_appliance_is_told_while_it_runs_for_half_a_sample(name: str, told_up_to: int) -> None:
    for period_s in (60, 240, 300, 360, 900, 1800):
        long = np.full(20, 4)  # samples: what is not well known goes by what was seen
        assert is_brief(name, long, np.ones(20), period_s) == (period_s > told_up_to)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.05, 3.0), st.integers(0, 1000))
def test_runs_of_much_less_than_half_a_sample_are_brief_and_longer_ones_are_not(
    length: float, seed: int
) -> None:
    """Runs of ``length`` samples that begin anywhere in one, as means see them."""
    begins = np.arange(100) * 10 + np.random.default_rng(seed).uniform(0, 1, 100)
    edges = np.arange(1011)[:, None]
    power = 2000 * np.diff(np.clip(edges - begins, 0, length).sum(axis=1))
    spans = activations(power, 20.0, 1800)
    energy = np.array([power[a:b].sum() for a, b in spans])
    if not 0.3 < length < 0.7:
        assert is_brief("pump", np.diff(spans)[:, 0], energy, 1800) == (length < 0.5)


def test_of_half_hours_what_is_short_is_left_out_with_the_reason(half_hours: Corpus) -> None:
    assert {"kettle", "microwave"} <= half_hours.not_told.keys()
    assert not {"kettle", "microwave"} & set(half_hours.appliances)
    assert {"dishwasher", "washing_machine", "oven"} <= set(half_hours.appliances)
    (note,) = (note for note in half_hours.notes if note.startswith("kettle"))
    assert note == (
        "kettle left out: it typically runs for less than half of the 1800 s of a sample, whose "
        "mean does not tell it from others"
    )


def test_what_never_rests_for_a_sample_says_so() -> None:
    life = live("home0", make_world(3, START, 60))
    count = 60 * 48
    fridge = 40 + 5 * np.sin(np.arange(count))
    mains = meter(life, 1800)["mains"] + fridge
    stamps = START.astype("M8[us]").astype(np.int64) + 1800 * MICRO * np.arange(count)
    heater = np.where(np.arange(count) % 40 < 4, 1500.0, 0.0)
    channels = {"mains": mains + heater, "fridge": fridge, "heater": heater}
    readings = KeptReadings(
        {"home0": {n: DeviceReadings(stamps, w.astype("f4")) for n, w in channels.items()}}
    )
    found = build_corpus(readings, NilmSettings(period_s=1800), 192)
    assert found.appliances == ("heater",)
    assert found.not_told["fridge"].startswith("it hardly ever rests for 1800 s")


def test_what_is_not_told_at_a_period_is_not_judged_either(half_hours: Corpus) -> None:
    details = KIND.read_details(
        embedded("nilm", period_s=1800, window=192) | {"not_told": dict(half_hours.not_told)}
    )
    baselines = KIND.work.baselines(details, homes(1800, 20))
    scores = KIND.work.evaluate(details, baselines, homes(1800, 20), 0)["mean_power"]
    assert "dishwasher" in scores.channels
    assert not {"kettle", "microwave"} & set(scores.channels)


def test_an_appliance_that_was_chosen_before_stays(half_hours: Corpus) -> None:
    chosen = NilmSettings(period_s=1800, min_activations=4)
    again = build_corpus(homes(1800, 60), chosen, 192, again=("kettle", "oven"))
    assert again.appliances == ("kettle", "oven")
    assert "microwave" in again.not_told


@pytest.mark.parametrize("period_s", [10, 60])
def test_at_fine_periods_everything_is_told(period_s: int) -> None:
    found = corpus_of(period_s, days=6)
    assert found.not_told == {}
    assert "kettle" in found.appliances


def test_simulated_homes_bring_large_loads_and_homes_without_them(half_hours: Corpus) -> None:
    names = ("dishwasher", "ev", "pump", "water_heater")
    wanted = replace(half_hours, appliances=names, thresholds=np.full(4, 100.0))
    sites = simulated_sites(wanted, 1800, homes=8, days=8)
    assert len(sites) == 8
    ev = np.array([site.power[:, 1].max() for site in sites])
    assert (ev > 2000).any() and (ev == 0).any()
    assert all(np.isnan(site.power[:, 2]).all() for site in sites)
    for site in sites:  # what runs is in mains, but for the errors of meters
        assert (site.mains - np.nan_to_num(site.power).sum(axis=1)).min() > -100


def write(folder: Path, site: str, period_s: int, days: int = 3) -> Path:
    """A home with a heater, in a file."""
    count = days * 86_400 // period_s
    stamps = pd.date_range("2026-06-01", periods=count, freq=f"{period_s}s")
    text = stamps.strftime("%Y-%m-%dT%H:%M:%S")
    minutes = np.arange(count) * period_s // 60
    heater = np.where(minutes % 600 < 120, 1500.0, 0.0)
    rows = {"mains": 200 + 20 * np.sin(minutes / 90) + heater, "heater": heater}
    frames = [
        pd.DataFrame({"timestamp": text, "consumption": watts, "device_id": f"{site}/{name}"})
        for name, watts in rows.items()
    ]
    folder.mkdir(exist_ok=True)
    pd.concat(frames).to_csv(folder / f"{site}.csv", index=False)
    return folder


def test_training_on_readings_that_are_too_coarse_says_how_fine_they_have_to_be(
    tmp_path: Path,
) -> None:
    readings = FileReadings([write(tmp_path / "half", "home1", 1800)], Settings())
    with pytest.raises(NotEnoughReadingsError) as error:
        build_corpus(readings, NilmSettings(), 512)
    assert str(error.value) == (
        "no site has mains and appliances every 60 s for 1.4 days or more; mains of home1 comes "
        "every 1800 s (SMARTWATTS_NILM_PERIOD_S says how fine they have to be)"
    )


def quick(monkeypatch: pytest.MonkeyPatch, **more: object) -> None:
    brief = {"STEPS": 16, "SIMULATED_HOMES": 4, "MEMBERS": 1, "MIN_ACTIVATIONS": 4}
    for name, value in (brief | more).items():
        monkeypatch.setenv(f"SMARTWATTS_NILM_{name}", str(value))


def done(*arguments: object, code: int = 0) -> Result:
    found = run(app, list(map(str, arguments)))
    assert found.exit_code == code, found.output
    return found


@pytest.fixture(scope="module")
def half_hour_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``train`` leaves after a moment on two homes of half hours, beside their readings."""
    folder = tmp_path_factory.mktemp("half_hours")
    simulate(2, 60, folder / "readings", seed=3, submetered=2, period_s=1800, clean=True)
    with pytest.MonkeyPatch.context() as patch:
        quick(patch, PERIOD_S=1800)
        places = ("--data-dir", folder / "readings", "--output-dir", folder)
        trained = done("train", "nilm", *places, "--epochs", 2, "--quantization", "dynamic")
    assert "kettle left out: it typically runs" in trained.output
    return folder


@pytest.mark.slow
def test_half_hours_go_from_training_to_a_prediction(half_hour_file: Path, tmp_path: Path) -> None:
    model, readings = half_hour_file / "nilm_model.tflite", half_hour_file / "readings"
    said = json.loads(done("models", "inspect", model, "--json").stdout)["details"]
    assert (said["period_s"], said["window"]) == (1800, 192)
    assert said["inputs"][0]["shape"] == [1, 192, 1]
    assert "kettle" in said["not_told"] and "kettle" not in said["appliances"]
    again = tmp_path / "again.tflite"
    done("convert", "--model-path", half_hour_file / "nilm_model.keras", "--output-path", again)

    measured = done("evaluate", "nilm", "--model-path", again, "--test-data", readings, "--json")
    report = json.loads(measured.stdout)
    assert {"mae_w", "f1", "nde", "sae", "teca"} <= report["metrics"].keys()
    assert "kettle" not in json.dumps(report["by_site_and_channel"])

    where = ("--model-path", again, "--input", readings, "--output")
    done("predict", "nilm", *where, tmp_path / "power.csv")
    power = pd.read_csv(tmp_path / "power.csv")
    stamps = pd.to_datetime(power.timestamp).drop_duplicates()
    assert (stamps.sort_values().diff().dropna() == pd.Timedelta("30min")).all()
    done("predict", "nilm", *where, tmp_path / "energy.csv", "--energy")
    energy = pd.read_csv(tmp_path / "energy.csv")
    days = energy.groupby(["site", "day"])
    assert (days.measured_h.max() == 24).all()
    assert power.consumption.sum() / 2000 == pytest.approx(
        energy[~energy.appliance.isin(["base_load", "other"])].energy_kwh.sum(), abs=0.5
    )


@pytest.mark.slow
def test_a_model_of_half_hours_takes_minutes_and_one_of_minutes_refuses_half_hours(
    half_hour_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half, minutes = (write(tmp_path / str(p), f"home{p}", p, days=8) for p in (1800, 60))
    model = ("--model-path", half_hour_file / "nilm_model.tflite")
    outputs = {}
    for folder in (half, minutes):
        outputs[folder] = tmp_path / f"{folder.name}.csv"
        done("predict", "nilm", *model, "--input", folder, "--output", outputs[folder])
    fine, coarse = (
        pd.read_csv(outputs[folder]).consumption.to_numpy() for folder in (minutes, half)
    )
    np.testing.assert_allclose(fine, coarse, atol=60, rtol=0.3)

    quick(monkeypatch, WINDOW_MINUTES=128)
    done("train", "nilm", "--data-dir", minutes, "--output-dir", tmp_path, "--epochs", 1)
    minute_model = ("--model-path", tmp_path / "nilm_model.tflite", "--input")
    nothing = run(app, ["predict", "nilm", *map(str, (*minute_model, half, "--output", "x.csv"))])
    assert isinstance(nothing.exception, BadInputError)
    assert str(nothing.exception).endswith(
        "mains readings every 60 s or faster are needed, and mains of home1800 comes every 1800 s"
    )
    both = done("predict", "nilm", *minute_model, half, minutes, "--output", tmp_path / "both.csv")
    note = "mains of home1800 comes every 1800 s, and the model takes one every 60 s"
    assert note in both.output
    assert set(pd.read_csv(tmp_path / "both.csv").device_id) == {"home60/heater"}


@pytest.mark.slow
def test_a_root_of_half_hours_is_ingested_trained_on_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    simulate(3, 90, root / "landing", seed=3, submetered=3, period_s=1800)
    done("ingest", "--root", root)
    quick(monkeypatch, PERIOD_S=1800)
    monkeypatch.setenv("SMARTWATTS_GATE_RESAMPLES", "100")
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    done("retrain", "nilm", "--root", root, "--epochs", 2)
    (decision,) = root.glob("runs/*/nilm/decision.json")
    said = json.loads(decision.read_text())
    assert said["reasons"]
    assert "dishwasher" in decision.read_text() and "kettle" not in decision.read_text()
    monkeypatch.setenv("SMARTWATTS_NILM_PERIOD_S", "60")
    done("retrain", "nilm", "--root", root, "--epochs", 2)
    refused = max(root.glob("runs/*/nilm/decision.json"), key=lambda path: path.stat().st_mtime)
    assert "it takes mains every 60 s, and mains of home01 and 2 more sites comes every 1800 s" in (
        refused.read_text()
    )


@pytest.mark.slow
@pytest.mark.parametrize("period_s", PERIODS)
def test_the_network_of_any_period_gives_finite_power_of_every_sample(period_s: int) -> None:
    grid = Grid.for_period(period_s, window_seconds(period_s))
    _, shipped = build_networks(grid, np.array([2000.0, 90.0]), 1)
    details = KIND.read_details(embedded("nilm", period_s=period_s, window=grid.window))
    samples = KIND.work.sample_inputs(details, 2, 0)["mains_w"]
    samples[1] = np.nan
    power = np.asarray(shipped(samples)["power_w"])
    assert power.shape == (2, grid.window, 2)
    assert np.isfinite(power).all() and (power >= 0).all()
