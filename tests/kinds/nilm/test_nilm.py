"""NILM: gaps are respected, baselines are what they say, and the network learns."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.kinds.nilm import KIND
from smartwatts_ml.kinds.nilm.appliances import activations, on_threshold
from smartwatts_ml.kinds.nilm.corpus import build_corpus
from smartwatts_ml.kinds.nilm.evaluation import evaluate
from smartwatts_ml.kinds.nilm.grid import Grid
from smartwatts_ml.kinds.nilm.metrics import STATS, confusion, headline, statistics
from smartwatts_ml.kinds.nilm.predictors import CombinatorialOptimisation, MeanPower
from smartwatts_ml.kinds.nilm.settings import NilmSettings
from smartwatts_ml.kinds.nilm.sliding import slide
from smartwatts_ml.modelfiles.conversion import convert_network
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.readings.base import SiteReadings, SiteSpan
from smartwatts_ml.scores.bootstrap import site_sums
from tests.kinds.nilm.homes import Made

WINDOW = 64


def test_published_thresholds_follow_the_period_and_given_ones_win() -> None:
    assert on_threshold("kettle", 60, None, {}) == 500
    assert on_threshold("kettle", 10, None, {}) == 2000
    assert on_threshold("kettle", 60, None, {"kettle": 700.0}) == 700


def test_a_threshold_from_data_is_half_the_running_power() -> None:
    power = np.array([0, 3, 0, 1800, 1800, 1750, np.nan, 0], float)
    assert on_threshold("pump", 60, power, {}) == pytest.approx(900)


def test_short_pauses_do_not_cut_an_activation_and_weak_ones_do_not_count() -> None:
    power = np.zeros(200)
    power[10:20], power[25:30] = 2000, 1500
    power[100:110] = 100
    assert activations(power, 300, 60).tolist() == [[10, 30]]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 400), st.lists(st.tuples(st.integers(0, 399), st.integers(1, 90)), max_size=4)
)
def test_every_sample_with_mains_gets_an_estimate_and_no_other(
    length: int, holes: list[tuple[int, int]]
) -> None:
    mains = np.arange(length, dtype=np.float32)
    for at, count in holes:
        mains[at : at + count] = np.nan

    def forward(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = np.nan_to_num(windows)[..., None]
        return values, values

    power, on = slide(forward, mains, WINDOW, 1)
    known = np.isfinite(mains)
    assert np.array_equal(np.isfinite(power[:, 0]), known)
    np.testing.assert_allclose(power[known, 0], mains[known], rtol=1e-4, atol=1e-3)
    assert np.array_equal(np.isfinite(on), np.isfinite(power))


def test_validation_windows_never_overlap_training() -> None:
    corpus = build_corpus(Made(1, hole=False), NilmSettings(), WINDOW)
    used = len(corpus.training[0].mains) + len(corpus.validation[0].mains)
    assert used <= 8 * 1440 - WINDOW


@pytest.mark.parametrize("samples", [4 * WINDOW, 4 * WINDOW + 1, 5 * WINDOW, 7 * WINDOW])
def test_validation_of_a_short_site_does_not_overlap_training_either(samples: int) -> None:
    class Short(Made):
        def load(self, *asked: Any, **how: Any) -> SiteReadings:
            whole = super().load(*asked, **how)
            return whole.between(None, whole.start + np.timedelta64(60 * samples, "s"))

    corpus = build_corpus(Short(1, hole=False), NilmSettings(min_activations=1), WINDOW)
    learned, held_back = corpus.training[0].mains, corpus.validation[0].mains
    assert len(learned) + len(held_back) + WINDOW <= samples
    assert min(len(learned), len(held_back)) >= WINDOW


def test_energy_too_high_in_one_home_does_not_make_up_for_too_low_in_another() -> None:
    truth = np.array([[0.0, 1000.0], [0.0, 1000.0]])
    said = truth + np.array([[400.0, 0.0], [-400.0, 0.0]])
    homes = np.stack([statistics(y, p, 500.0) for y, p in zip(truth, said, strict=True)])
    assert headline(homes[:, None])["sae"] == pytest.approx(0.4)


def test_an_appliance_that_hardly_runs_is_left_out_with_the_reason() -> None:
    corpus = build_corpus(Made(1, days=4), NilmSettings(min_activations=25), WINDOW)
    assert corpus.appliances == ("kettle",)
    assert any("heater left out" in note for note in corpus.notes)


@pytest.mark.parametrize("name", ["base_load", "other"])
def test_a_channel_called_as_what_is_of_no_appliance_is_left_out(name: str) -> None:
    class Renamed(Made):
        def load(self, *asked: Any, **how: Any) -> SiteReadings:
            site = super().load(*asked, **how)
            channels = {name if n == "heater" else n: v for n, v in site.channels.items()}
            return replace(site, channels=channels)

    corpus = build_corpus(Renamed(1), NilmSettings(), WINDOW)
    assert corpus.appliances == ("kettle",)
    assert any(note.startswith(f"{name} left out: predict calls so") for note in corpus.notes)


def test_sites_without_sub_meters_are_not_used_and_this_is_said() -> None:
    class Mixed(Made):
        def spans(self) -> tuple[SiteSpan, ...]:
            first = super().spans()[0]
            return (replace(first, site="bare", channels=("mains",)), first)

    corpus = build_corpus(Mixed(1), NilmSettings(), WINDOW)
    assert [site.site for site in corpus.training] == ["home0"]
    assert any("1 sites without sub-meters" in note for note in corpus.notes)


def test_nothing_to_learn_says_what_is_missing() -> None:
    with pytest.raises(NotEnoughReadingsError, match="kettle left out"):
        build_corpus(Made(1, days=2), NilmSettings(min_activations=500), WINDOW)


def test_combinatorial_optimisation_finds_the_states_that_add_up() -> None:
    states = [np.array([0.0, 2000.0]), np.array([0.0, 100.0, 700.0])]
    found = CombinatorialOptimisation(("kettle", "washer"), states, base=50.0)
    power = found.power(np.array([50, 2060, 760, 2745, np.nan]))
    assert power[:4].tolist() == [[0, 0], [2000, 0], [0, 700], [2000, 700]]
    assert np.isnan(power[4]).all()


def test_an_appliance_that_a_system_does_not_know_counts_as_zero() -> None:
    readings = Made(1, hole=False)
    blind = MeanPower(("heater",), np.array([0.0]))
    scores = evaluate({"blind": blind}, readings, 60, {"kettle": 500.0, "heater": 450.0})["blind"]
    kettle = site_sums(scores)[0, scores.channels.index("kettle")]
    sums = dict(zip(STATS, kettle, strict=True))
    assert sums["tp"] == 0 and sums["fn"] > 0
    assert sums["abs_error_w"] == pytest.approx(sums["truth_w"])


def test_blocks_are_weeks_that_start_on_monday() -> None:
    scores = evaluate(
        {"m": MeanPower(("kettle",), np.array([5.0]))}, Made(1, days=16), 60, {"kettle": 500.0}
    )["m"]
    assert {int(week.astype(int) + 3) % 7 for week in scores.weeks.astype("datetime64[D]")} == {0}
    assert len(scores.weeks) == 3


def test_a_metric_of_a_broken_prediction_is_not_finite() -> None:
    broken = statistics(np.array([0.0, 900.0]), np.array([np.nan, 900.0]), 500)
    assert not np.isfinite(headline(broken[None, None])["mae_w"])


def test_zero_prediction_has_nde_one_and_teca_one_half() -> None:
    zero = statistics(np.array([0.0, 900.0, 800.0]), np.zeros(3), 500)
    metrics = headline(zero[None, None])
    assert metrics["nde"] == pytest.approx(1)
    assert metrics["teca"] == pytest.approx(0.5)
    assert metrics["f1"] == 0


@pytest.fixture(scope="module")
def quick() -> Iterator[tuple[KerasNetwork, Made]]:
    """A network after a few steps, and the homes that taught it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "WINDOW_MINUTES": WINDOW,
            "STEPS": 30,
            "SIMULATED_HOMES": 2,
            "MEMBERS": 1,
        }.items():
            patch.setenv(f"SMARTWATTS_NILM_{name}", str(value))
        homes = Made(1)
        trained = KIND.trainer.train(KIND.spec(), homes, TrainOptions(epochs=1), lambda *_: None)
        yield KerasNetwork.from_training(trained), homes


@pytest.fixture
def short_windows(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    monkeypatch.setenv("SMARTWATTS_NILM_WINDOW_MINUTES", str(WINDOW))
    monkeypatch.setenv("SMARTWATTS_NILM_SIMULATED_HOMES", "6")
    monkeypatch.setenv("SMARTWATTS_NILM_MEMBERS", "1")
    monkeypatch.setenv("SMARTWATTS_NILM_STEPS", "32")
    return lambda: None


@pytest.mark.slow
def test_a_short_training_beats_every_baseline_on_a_home_never_seen(
    short_windows: Callable[[], None],
) -> None:
    training = Made(2)
    options = TrainOptions(epochs=6, seed=1)
    trained = KIND.trainer.train(KIND.spec(), training, options, lambda *_: None)
    network = KerasNetwork.from_training(trained)

    systems = {"network": KIND.work.predictor(network)}
    systems |= KIND.work.baselines(trained.details, training)
    scores = KIND.work.evaluate(trained.details, systems, Made(1, days=4, first=9), 0)
    errors = {name: KIND.work.headline(site_sums(score))["mae_w"] for name, score in scores.items()}
    assert errors["network"] == min(errors.values())
    assert KIND.work.headline(site_sums(scores["network"]))["f1"] > 0.7


def test_who_is_mistaken_for_whom_counts_each_wrong_sample_once() -> None:
    truth = np.array([[900, 0], [900, 0], [900, 0], [0, 0], [0, 900], [np.nan, 0]], float)
    said = np.array([[0, 900], [0, 0], [900, 900], [900, 0], [0, 900], [900, 0]], float)
    found = confusion(truth, said, np.array([500.0, 500.0]))
    taken_for_second, missed, false_alarms = found[0, 1], found[0, -1], found[-1]
    assert (taken_for_second, missed) == (1, 1)
    assert false_alarms.tolist() == [1, 1, 0]


def test_an_evaluation_shows_where_hours_went() -> None:
    blind = MeanPower(("heater",), np.array([0.0]))
    limits = {"kettle": 500.0, "heater": 450.0}
    scores = evaluate({"blind": blind}, Made(1, hole=False), 60, limits)["blind"]
    (table,) = scores.tables.values()
    truth = Made(1, hole=False).load("home0", 60).channels["kettle"]
    assert table["kettle"]["nothing"] == pytest.approx((truth >= 500).sum() / 60)
    assert table["nothing"] == {"heater": 0, "kettle": 0, "nothing": 0}


@pytest.mark.parametrize("period_s", [10, 20, 30, 60, 120])
def test_a_window_spans_the_same_time_at_every_period(period_s: int) -> None:
    grid = Grid.for_period(period_s, 512 * 60)
    assert grid.window * period_s == 512 * 60
    assert grid.window % (grid.pool * grid.fold) == 0
    assert grid.pool * grid.fold * period_s == 480


@pytest.mark.full
@pytest.mark.parametrize("period_s", [10, 120])
def test_other_periods_train_and_fit_the_gateway(
    monkeypatch: pytest.MonkeyPatch, period_s: int
) -> None:
    for name, value in {"PERIOD_S": period_s, "WINDOW_MINUTES": 128, "STEPS": 4}.items():
        monkeypatch.setenv(f"SMARTWATTS_NILM_{name}", str(value))
    monkeypatch.setenv("SMARTWATTS_NILM_SIMULATED_HOMES", "2")
    readings = Made(1, days=8, period_s=min(period_s, 60))
    readings = Coarser(readings, period_s) if period_s > 60 else readings
    trained = KIND.trainer.train(KIND.spec(), readings, TrainOptions(epochs=1), lambda *_: None)
    network = KerasNetwork.from_training(trained)
    converted = convert_network(network, KIND.work.sample_inputs(trained.details, 8, 0), "dynamic")
    assert trained.details.window * period_s == 128 * 60
    assert len(converted.content) <= 256 * 1024
    estimate = KIND.work.predictor(LiteRTNetwork(converted.content)).power(
        readings.load("home0", period_s).channels["mains"][:5000]
    )
    assert estimate.shape == (5000, 2)


class Coarser(Made):
    """The same homes, two samples as one."""

    def __init__(self, readings: Made, period_s: int) -> None:
        self._homes = {
            span.site: replace(
                found := readings.load(span.site, 60),
                period_s=period_s,
                channels={n: v.reshape(-1, 2).mean(axis=1) for n, v in found.channels.items()},
            )
            for span in readings.spans()
        }


@pytest.mark.slow
@pytest.mark.parametrize("feed", ["export", "offset", "clipped", "apparent", "gaps", "jitter"])
def test_a_broken_feed_costs_accuracy_and_nothing_else(
    quick: tuple[KerasNetwork, Made], feed: str
) -> None:
    network, homes = quick
    mains = homes.load("home0", 60).channels["mains"].copy()
    rng = np.random.default_rng(0)
    changed = {
        "export": lambda: mains - 3000,
        "offset": lambda: mains + 200,
        "clipped": lambda: np.minimum(mains, 2000),
        "apparent": lambda: mains * 1.15 + 60,
        "gaps": lambda: np.where(rng.random(len(mains)) < 0.3, np.nan, mains),
        "jitter": lambda: np.roll(mains, 1) * 0.4 + mains * 0.6,
    }[feed]().astype(np.float32)
    power = KIND.work.predictor(network).power(changed)
    known = np.isfinite(changed)
    assert np.isfinite(power[known]).all() and np.isnan(power[~known]).all()
    assert (power[known] >= 0).all()
    drawn = known & (changed > 20)
    assert (power[drawn].sum(axis=1) <= changed[drawn] + 21).all()


@pytest.mark.slow
def test_predictions_and_scores_do_not_load_scikit_learn() -> None:
    code = "import sys, smartwatts_ml.kinds.nilm.work; print('sklearn' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
