"""What the gate does over years, where retrainings vary as real ones were measured to."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.gate_components import components
from benchmarks.gate_tables import Tables
from benchmarks.gate_years import WORLD, live_years
from smartwatts_ml.judging.record import rules_of
from smartwatts_ml.settings import GateSettings, Settings

YEARS = 12
RULES = rules_of(Settings(gate=GateSettings(resamples=100)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "sites", [5, *(pytest.param(more, marks=pytest.mark.full) for more in (17, 30, 100))]
)
def test_twelve_years_keep_champions_young_and_replace_none_by_a_worse_one(sites: int) -> None:
    lived = live_years(WORLD, RULES, sites, YEARS, 0)
    assert lived.years_with(0.0) <= 0.20
    assert lived.years_with(0.02) == 0
    assert np.median(lived.ages) <= 6


def test_tables_are_as_noisy_as_retrainings_were_measured_to_be() -> None:
    """Two trainings differ, so each part counts twice."""
    tables = Tables()
    spreads = (tables.site_spread, tables.shared_spread, tables.week_spread)
    measured = (WORLD.site, WORLD.week, WORLD.site_week)
    assert spreads == pytest.approx([math.sqrt(2) * part for part in measured], rel=0.05)


def test_what_varies_between_trainings_is_taken_apart() -> None:
    rng = np.random.default_rng(1)
    homes, weeks = 60, 60
    level = rng.normal(0, 1, (homes, weeks))
    losses = {}
    for age in (0, 4, 8, 12):
        for seed in range(6):
            training, site = rng.normal(0, 0.04), rng.normal(0, 0.03, (homes, 1))
            week, rest = rng.normal(0, 0.02, weeks), rng.normal(0, 0.05, (homes, weeks))
            losses[age, seed] = level + training + site + week + rest + 0.01 * age
    found = components(losses)
    parts = (found.training, found.site, found.week, found.site_week)
    assert parts == pytest.approx([0.04, 0.03, 0.02, 0.05], rel=0.3)
    assert found.ageing == pytest.approx(0.01, abs=0.004)
