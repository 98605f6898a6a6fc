"""Drift of inputs is told where there is one, and not where days are few."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smartwatts_ml.gate.drift import Histogram, drift, psi
from smartwatts_ml.judging.day_features import day_histograms
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, SiteSpan

HOUR = 3600
THRESHOLD = 0.25
START = np.datetime64("2026-01-05T00:00:00", "s")


class Homes(Readings):
    """Homes whose hourly mains is drawn around ``level_w``."""

    def __init__(self, level_w: float, *, sites: int = 20, days: int = 60, seed: int = 0) -> None:
        self._level_w, self._sites, self._days, self._seed = level_w, sites, days, seed

    def spans(self) -> tuple[SiteSpan, ...]:
        hours = self._days * 24
        end = START + np.timedelta64(hours, "h")
        names = (f"home{i:02d}" for i in range(self._sites))
        return tuple(SiteSpan(name, (MAINS,), START, end, hours, HOUR) for name in names)

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        rng = np.random.default_rng((self._seed, int(site[4:])))
        days = np.repeat(rng.lognormal(0, 0.4, self._days), 24)
        power = self._level_w * days * rng.gamma(4, 0.25, len(days))
        return SiteReadings(site, START, period_s, {MAINS: power.astype(np.float32)})


def features(homes: Homes) -> dict[str, Histogram]:
    return day_histograms(homes, (MAINS,))


def test_more_power_than_in_training_is_a_drift_that_newer_training_repairs() -> None:
    before, now = features(Homes(300)), features(Homes(450, days=30, seed=1))
    found = {one.feature: one for one in drift(before, now, features(Homes(440, seed=2)))}
    assert found["level"].shifted(THRESHOLD) and found["level"].repaired(THRESHOLD)
    assert 1.3 < found["level"].now / found["level"].before < 1.7
    assert not found["local evening"].shifted(THRESHOLD)
    stale = {one.feature: one for one in drift(before, now, features(Homes(300, seed=3)))}
    assert not stale["level"].repaired(THRESHOLD)


def test_the_same_world_is_no_drift_even_of_few_days() -> None:
    before = features(Homes(300))
    for seed in range(1, 21):
        now = features(Homes(300, sites=2, days=14, seed=seed))
        assert not any(one.shifted(THRESHOLD) for one in drift(before, now, before))


def test_a_feature_that_only_one_of_them_has_is_not_compared() -> None:
    before = features(Homes(300))
    now = {name: found for name, found in before.items() if name != "peak"}
    assert {one.feature for one in drift(before, now, {})} == set(now)


counts = st.lists(st.integers(0, 500), min_size=3, max_size=12)


@given(st.data(), counts)
def test_the_index_is_positive_symmetric_and_zero_for_equals(
    data: st.DataObject, one: list[int]
) -> None:
    other = data.draw(st.lists(st.integers(0, 500), min_size=len(one), max_size=len(one)))
    a, b = np.array(one), np.array(other)
    assert psi(a, a) == 0
    assert psi(a, b) >= 0
    assert np.isclose(psi(a, b), psi(b, a))
