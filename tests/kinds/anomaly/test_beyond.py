"""What is alerted whatever was learned: an hour far beyond all others, and a slow rise."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from smartwatts_ml.kinds.anomaly import KIND
from smartwatts_ml.kinds.anomaly.windows import hours_of_week, inputs_at

from .conftest import Case, MemoryReadings, made_home

pytestmark = pytest.mark.slow

CONTEXT = 672
SIZES = (1e4, 1e5, 1e6, 1e7)  # W
LOADS: Mapping[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "steady": lambda hour, rng: np.full(len(hour), 300.0),
    "a little noise": lambda hour, rng: 300.0 + rng.normal(0, 3, len(hour)),
    "low at night": lambda hour, rng: np.where((hour >= 7) & (hour < 22), 400.0, 60.0),
    "noisy": lambda hour, rng: 300.0 * rng.gamma(1.0, 1.0, len(hour)),
    "panels": lambda hour, rng: (
        300.0 - 1500.0 * np.maximum(np.sin((hour - 6) / 12 * np.pi), 0) * rng.random(len(hour))
    ),
    "zero": lambda hour, rng: np.zeros(len(hour)),
}


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("hours", [1, 5, 48])
def test_what_no_hour_ever_came_near_is_alerted(case: Case, load: str, hours: int) -> None:
    """And stays so for two days, which the hours before them are held against."""
    watts = LOADS[load](np.arange(CONTEXT) % 24, np.random.default_rng(0))
    history = np.tile(watts, (2 * len(SIZES), 1))[:, :, None].astype(np.float32)
    history[:, -hours:, 0] += np.array([*SIZES, *(-size for size in SIZES)])[:, None]
    newest = np.full((len(history), 1), 23, np.float32)
    outputs = case.file({"history_w": history, "hour_of_week": newest})
    assert (outputs["alert"] > 0.5).all()


def test_what_is_always_on_and_has_risen_is_told_by_a_channel_of_its_own(case: Case) -> None:
    scorer = KIND.work.predictor(case.file)
    start, within = 45 * 24, np.arange(45 * 24, 52 * 24)
    rising: dict[float, int] = {0.0: 0, 1.5: 0}
    kinds: list[set[str]] = []
    for seed, share in itertools.product(range(6), rising):
        site = made_home("home", 55, 60 + seed)
        watts = site.channels["mains"].copy()
        ramp = np.clip((np.arange(len(watts)) - start) / 96, 0, 1)
        watts += np.float32(share * np.nanmedian(watts)) * ramp.astype(np.float32)
        windows = inputs_at(watts, hours_of_week(site), within, CONTEXT)
        rising[share] += int((case.file(windows)["rise"] >= 0).any())
        if share:
            risen = MemoryReadings([replace(site, channels={"mains": watts})])
            table = next(iter(KIND.work.predict(scorer, risen, alerts=True)))
            since = table["start"] - pd.Timestamp(site.times[start])
            near = (since >= pd.Timedelta(0)) & (since < pd.Timedelta(days=7))
            kinds.append(set(table.loc[near, "kind"]))
    assert rising[0.0] <= 1 and rising[1.5] >= 4
    assert all(kinds) and any("creep" in kind for kind in kinds)
