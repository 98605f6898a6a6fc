"""A judgement reads each site of its holdout once, however often it goes through them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from smartwatts_ml.judging.day_features import day_histograms
from smartwatts_ml.kinds.anomaly.work import WORK
from smartwatts_ml.readings.base import MAINS, SiteReadings
from smartwatts_ml.readings.holdout import (
    hold_out_later,
    holdout_part,
    make_split,
    training_part,
)
from smartwatts_ml.settings import HoldoutSettings
from tests.kinds.anomaly.conftest import MemoryReadings, made_home

DAY_S = 86_400


class Counted(MemoryReadings):
    """Readings that count how often each site is loaded."""

    def __init__(self, sites: Sequence[SiteReadings]) -> None:
        super().__init__(sites)
        self.loads: Counter[str] = Counter()

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        self.loads[site] += 1
        return super().load(site, period_s, channels, local=local)


def test_features_scores_and_charts_of_anomaly_share_one_reading() -> None:
    readings = Counted([made_home(f"home{i}", 120, i) for i in range(3)])
    split = make_split(readings.spans(), HoldoutSettings(), embargo_s=DAY_S)
    details: Any = SimpleNamespace(max_alerts_per_month=2.0)
    baselines = WORK.baselines(details, training_part(readings, split))
    systems = {**baselines, "challenger": baselines["hour_of_week_mad"]}
    readings.loads.clear()

    holdout = holdout_part(readings, split, keep_bytes=1 << 20)
    day_histograms(holdout, (MAINS,))
    starts = {"home1": split.holdout_start["home1"] + np.timedelta64(1, "D")}
    judged_on = holdout_part(holdout, hold_out_later(split, starts))
    scores = WORK.evaluate(details, systems, judged_on, 0)
    assert WORK.charts(details, systems, judged_on, 0)
    assert set(scores) == {"challenger", "hour_of_week_mad"}
    assert readings.loads == {"home0": 1, "home1": 1, "home2": 1}
