"""NILM: gaps are respected, baselines are what they say, and the network learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
from smartwatts_ml.kinds.nilm.metrics import STATS, headline, statistics
from smartwatts_ml.kinds.nilm.predictors import CombinatorialOptimisation, MeanPower
from smartwatts_ml.kinds.nilm.sampler import Sampler
from smartwatts_ml.kinds.nilm.settings import NilmSettings
from smartwatts_ml.kinds.nilm.sliding import slide
from smartwatts_ml.networks import KerasNetwork
from smartwatts_ml.readings.base import Readings, SiteReadings, SiteSpan
from smartwatts_ml.resampling import site_sums

START = np.datetime64("2026-01-01T00:00:00")
WINDOW = 64


class Made(Readings):
    """Homes with a kettle, a heater that runs for half an hour, loads that nobody meters,
    and a hole in mains."""

    def __init__(self, homes: int = 1, days: int = 8, hole: bool = True) -> None:
        self._homes = {f"home{i}": _home(i, days, hole) for i in range(homes)}

    def spans(self) -> tuple[SiteSpan, ...]:
        return tuple(
            SiteSpan(name, ("mains", "heater", "kettle"), site.start, site.end, 3 * len(site), 60)
            for name, site in self._homes.items()
        )

    def load(self, site: str, period_s: int, channels: Sequence[str] | None = None) -> SiteReadings:
        found = self._homes[site]
        wanted = found.channels if channels is None else set(channels) & set(found.channels)
        return SiteReadings(site, START, 60, {name: found.channels[name] for name in wanted})


def _home(seed: int, days: int, hole: bool) -> SiteReadings:
    rng = np.random.default_rng(seed)
    minutes = days * 1440
    kettle, heater = np.zeros(minutes), np.zeros(minutes)
    for at in rng.choice(minutes - 60, days * 8, replace=False):
        kettle[at : at + 3] = 2500
    for at in rng.choice(minutes - 60, days * 5, replace=False):
        heater[at : at + 30] = 900
    other = np.zeros(minutes)  # nobody meters it, and it looks like the heater for two hours
    for at in rng.choice(minutes - 120, days * 3, replace=False):
        other[at : at + 120] = 880
    mains = 150 + kettle + heater + other + rng.normal(0, 8, minutes)
    if hole:
        mains[3000:3200] = np.nan
    parts = {"mains": mains, "kettle": kettle, "heater": heater}
    return SiteReadings(
        f"home{seed}", START, 60, {name: part.astype(np.float32) for name, part in parts.items()}
    )


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


def test_augmentation_keeps_the_sum_of_appliances_within_mains() -> None:
    corpus = build_corpus(Made(2), NilmSettings(), WINDOW)
    sampler = Sampler(corpus, WINDOW, mixing=1.0, balance=0.5, seed=1)
    for _ in range(20):
        mains, power = sampler.batch(16)
        known = np.isfinite(mains)
        assert (mains[known] - np.nan_to_num(power).sum(axis=2)[known]).min() > 50
        assert known.sum(axis=1).min() >= WINDOW // 2


def test_the_same_seed_draws_the_same_windows() -> None:
    corpus = build_corpus(Made(2), NilmSettings(), WINDOW)
    first, second = (
        Sampler(corpus, WINDOW, mixing=0.5, balance=0.5, seed=4).batch(8) for _ in range(2)
    )
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_validation_windows_never_overlap_training() -> None:
    corpus = build_corpus(Made(1, hole=False), NilmSettings(), WINDOW)
    used = len(corpus.training[0].mains) + len(corpus.validation[0].mains)
    assert used <= 8 * 1440 - WINDOW


def test_an_appliance_that_hardly_runs_is_left_out_with_the_reason() -> None:
    corpus = build_corpus(Made(1, days=4), NilmSettings(min_activations=25), WINDOW)
    assert corpus.appliances == ("kettle",)
    assert any("heater left out" in note for note in corpus.notes)


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


@pytest.fixture
def short_windows(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    monkeypatch.setenv("SMARTWATTS_NILM_WINDOW_MINUTES", str(WINDOW))
    return lambda: None


@pytest.mark.slow
def test_a_short_training_beats_every_baseline_on_a_home_never_seen(
    short_windows: Callable[[], None],
) -> None:
    training, spec = Made(2), KIND.spec()
    trained = KIND.train(spec, training, TrainOptions(epochs=6, seed=1), lambda *_: None)
    network = KerasNetwork(trained.network, trained.details)

    class Unseen(Made):
        def __init__(self) -> None:
            self._homes = {"home9": _home(9, 4, True)}

    systems = {"network": KIND.predictor(network)}
    systems |= KIND.baselines(spec, trained.details, training)
    scores = KIND.evaluate(spec, systems, Unseen(), 0)
    errors = {name: KIND.headline(site_sums(score))["mae_w"] for name, score in scores.items()}
    assert errors["network"] == min(errors.values())
    assert KIND.headline(site_sums(scores["network"]))["f1"] > 0.7
