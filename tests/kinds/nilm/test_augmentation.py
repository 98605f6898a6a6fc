"""Homes made up from parts of others: what is added to an appliance is added to mains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.nilm.corpus import Corpus, SiteArrays, build_corpus
from smartwatts_ml.kinds.nilm.library import RATED_W, Library, Make, restyle
from smartwatts_ml.kinds.nilm.sampler import Sampler
from smartwatts_ml.kinds.nilm.settings import NilmSettings
from smartwatts_ml.kinds.nilm.simulated import simulated_sites
from tests.kinds.nilm.homes import Made

WINDOW = 128
CHANCES = NilmSettings(
    balance=0.5, as_is=0.0, simulated_share=0.4, strip=0.5, mixing=1.0, other=0.5
)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return build_corpus(Made(2), NilmSettings(), WINDOW)


@pytest.fixture(scope="module")
def simulated(corpus: Corpus) -> tuple[SiteArrays, ...]:
    return simulated_sites(corpus, 60, homes=4, days=4)


def sampler(
    corpus: Corpus,
    simulated: tuple[SiteArrays, ...],
    settings: NilmSettings = CHANCES,
    seed: int = 1,
) -> Sampler:
    return Sampler(corpus, corpus.training, simulated, WINDOW, settings, seed)


def test_mains_stays_the_sum_of_what_runs(
    corpus: Corpus, simulated: tuple[SiteArrays, ...]
) -> None:
    drawn = sampler(corpus, simulated)
    rests = []
    for _ in range(20):
        mains, power = drawn.batch(16)
        known = np.isfinite(mains) & (mains < 3400)  # a clipped meter shows less than the sum
        rests.append((mains - np.nan_to_num(power).sum(axis=2))[known])
    # What is left is a home's own base load and unmetered loads: never an appliance too few.
    assert np.percentile(np.concatenate(rests), 0.1) > -100


def test_windows_as_they_are_come_from_the_readings(corpus: Corpus) -> None:
    mains, power = sampler(corpus, (), CHANCES.model_copy(update={"as_is": 1.0})).batch(8)
    recorded = corpus.training[0].power.max(axis=0)
    assert power.reshape(-1, 2).max(axis=0) == pytest.approx(recorded, rel=0.03)
    assert np.nanmin(mains) > 100


def test_the_same_seed_draws_the_same_windows(
    corpus: Corpus, simulated: tuple[SiteArrays, ...]
) -> None:
    first, second = (sampler(corpus, simulated, seed=4).batch(8) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_appliance_never_runs_twice_at_once(
    corpus: Corpus, simulated: tuple[SiteArrays, ...]
) -> None:
    _, power = sampler(corpus, simulated).batch(200)
    kettle = power[..., corpus.appliances.index("kettle")]
    assert np.nanmax(kettle) <= max(RATED_W["kettle"][1], 3100) * 1.05


def test_simulated_homes_do_not_claim_to_know_what_they_do_not_meter(
    corpus: Corpus, simulated: tuple[SiteArrays, ...]
) -> None:
    heater, kettle = (corpus.appliances.index(name) for name in ("heater", "kettle"))
    for site in simulated:
        assert np.isnan(site.power[:, heater]).all()
        assert np.isfinite(site.power[:, kettle]).all()


def test_no_home_is_simulated_for_appliances_that_the_simulation_does_not_know(
    corpus: Corpus,
) -> None:
    assert simulated_sites(replace(corpus, appliances=("heater", "pump")), 60, 2, 2) == ()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(20, 3000), min_size=1, max_size=60),
    st.floats(300, 3000),
    st.integers(0, 1000),
)
def test_another_make_never_draws_more_than_its_rated_power(
    power: list[float], rated: float, seed: int
) -> None:
    found = restyle(np.array(power), Make(rated, 1.0), np.random.default_rng(seed))
    assert np.isfinite(found).all() and found.min() >= 0
    assert found.max() <= max(rated, 0.5 * max(power)) * 1.001


def test_the_rated_power_of_an_unknown_appliance_is_near_what_was_seen() -> None:
    library = Library(["gadget"], [[np.full(5, 600.0)]])
    makes = [library.make(0, np.random.default_rng(seed)) for seed in range(60)]
    rated = [make.rated_w for make in makes if make]
    assert 400 <= min(rated) < 500 and 700 < max(rated) <= 900


def test_too_few_readings_for_one_window_say_so(corpus: Corpus) -> None:
    with pytest.raises(NotEnoughReadingsError, match="half full"):
        Sampler(corpus, corpus.training, (), 10**6, CHANCES, 0)
