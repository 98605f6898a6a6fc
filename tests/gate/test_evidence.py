"""Evidence after publishing: valid however often one looks, and decided by no home alone."""

from __future__ import annotations

import numpy as np
import pytest

from smartwatts_ml.gate.evidence import (
    BOUND,
    FleetRules,
    HomeEvidence,
    decide,
    drifted,
    e_value,
    interval,
    least_homes,
    relative,
    weigh,
)
from smartwatts_ml.gate.paired_homes import HomeDays, Pairing, worsened

RULES = FleetRules()


def heavy(rng: np.random.Generator, n: int, spread: float = 0.1) -> np.ndarray:
    """Losses of homes whose ratio has no mean."""
    losses: np.ndarray = np.exp(spread * rng.standard_t(2, n))
    return losses


def test_a_version_like_the_one_before_is_hardly_ever_taken_back() -> None:
    rng = np.random.default_rng(1)
    back = 0
    for _ in range(200):
        d = relative(heavy(rng, 200, 0.4), heavy(rng, 200, 0.4))
        back += any(e_value(d[:n], 0.0) >= 20 for n in range(8, 200, 8))  # no margin at all
    assert back <= 0.05 * 200 + 5


def test_harm_is_found_and_its_refutation_too() -> None:
    rng = np.random.default_rng(2)
    worse = relative(1.3 * heavy(rng, 400), heavy(rng, 400))
    found = weigh([worse], None, RULES)
    assert decide(found, RULES, 0).action == "back"
    assert found.high is not None and found.high < 0
    assert found.low is not None and found.low < -0.15
    better = weigh([relative(0.8 * heavy(rng, 400), heavy(rng, 400))], np.zeros(400), RULES)
    assert decide(better, RULES, 0).action == "widen"
    assert decide(weigh([], None, RULES), RULES, 99).action == "hold"


@pytest.mark.parametrize("said", [1e9, -1e9, 0.25, np.inf])
def test_fewer_homes_than_least_decide_nothing_whatever_they_say(said: float) -> None:
    few = least_homes(RULES.alpha) - 1
    told = np.full(few, np.clip(said, -1, 1))
    evidence = weigh([told] * 3, np.full(few, np.sign(said)), RULES)
    assert decide(evidence, RULES, 0).action == "hold"


def test_a_few_liars_among_many_homes_change_nothing() -> None:
    rng = np.random.default_rng(3)
    honest = relative(0.97 * heavy(rng, 600), heavy(rng, 600))
    for lie in (BOUND, -BOUND):
        told = np.concatenate([np.full(6, lie), honest])
        assert decide(weigh([told], None, RULES), RULES, 0).action != "back"
    worse = relative(1.3 * heavy(rng, 600), heavy(rng, 600))
    told = np.concatenate([np.full(6, -BOUND), worse])
    assert decide(weigh([told], None, RULES), RULES, 0).action == "back"


def test_the_interval_holds_the_mean_and_narrows() -> None:
    rng = np.random.default_rng(4)
    d = np.clip(rng.normal(0.05, 0.1, 1500), -BOUND, BOUND)
    wide, narrow = interval(d[:50], 0.05), interval(d, 0.05)
    assert wide[0] <= narrow[0] <= d.mean() <= narrow[1] <= wide[1]
    assert narrow[1] - narrow[0] < 0.05


def test_after_long_without_harm_a_version_goes_on_unless_harm_is_likely() -> None:
    some = HomeEvidence(harmful=1.0, harmless=2.0, homes=12)
    assert decide(some, RULES, 27).action == "hold"
    assert decide(some, RULES, 28).action == "widen"
    assert decide(HomeEvidence(harmful=9.0, homes=12), RULES, 99).action == "hold"
    assert decide(some, FleetRules(patience_days=0), 999).action == "hold"


def fleet(homes: int = 60, days: int = 50, changed: int = 25, at: int = 40) -> HomeDays:
    rng = np.random.default_rng(5)
    season = np.linspace(1, 3, days)  # it gets harder for all
    level = np.exp(rng.normal(0, 0.5, (homes, 1)))
    error = level * season * np.exp(rng.normal(0, 0.05, (homes, days)))
    version = np.full((homes, days), 1)
    version[:changed, at:] = 2
    return HomeDays(version, np.zeros_like(version), error, np.ones_like(error))


def test_homes_are_compared_with_partners_so_that_a_season_is_no_harm() -> None:
    days = fleet()
    same = Pairing(days, 2, 1).losses(7)
    assert len(same) == 25 and abs(same.mean()) < 0.02
    days.error[:25, 40:] *= 1.5
    assert Pairing(days, 2, 1).losses(7).mean() == pytest.approx(0.2, abs=0.03)


def test_a_home_counts_when_its_window_is_over_and_only_with_a_partner() -> None:
    assert len(Pairing(fleet(at=44), 2, 1).losses(7)) == 0
    assert len(Pairing(fleet(changed=50), 2, 1).losses(7)) == 10
    days = fleet(changed=50)
    days.version[25:50, 40:48] = 1  # they change later, and are partners until then
    assert len(Pairing(days, 2, 1).losses(7)) == 25


def test_what_does_not_load_or_is_never_heard_of_again_is_a_failure() -> None:
    days = fleet()
    assert Pairing(days, 2, 1).failures().tolist() == [0.0] * 25
    days.version[:5, 40:] = 1
    days.failed[:5, 40:] = 2
    days.version[5:8, 41:] = 0
    days.version[8, 41:] = days.version[33, 41:] = 0
    failed = Pairing(days, 2, 1).failures()
    assert failed.tolist() == [1.0] * 8 + [0.0] * 17  # the ninth and its partner both fell silent
    assert decide(weigh([], failed, RULES), RULES, 3).action == "hold"
    days.failed[8:20, 40:] = 2
    days.version[8:20, 40:] = 1
    assert decide(weigh([], Pairing(days, 2, 1).failures(), RULES), RULES, 3).action == "back"


def test_a_version_that_gets_worse_by_itself_is_found_and_one_that_does_not_is_not() -> None:
    rng = np.random.default_rng(6)
    error = np.exp(rng.normal(0, 0.1, (50, 140)))
    ones = np.ones_like(error)
    days = HomeDays(ones.astype(int), np.zeros((50, 140), int), error, ones)
    stretches = worsened(days, 1)
    assert len(stretches) == 4 and all(len(homes) == 50 for homes in stretches)
    assert drifted(stretches, 0.2, 0.05) is None
    error[:, 84:] *= 1.6
    assert drifted(worsened(days, 1), 0.2, 0.05) == 3
