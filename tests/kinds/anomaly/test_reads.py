"""How often readings are loaded to judge the anomaly model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from smartwatts_ml.judging.day_features import day_histograms
from smartwatts_ml.kinds.anomaly import KIND
from smartwatts_ml.kinds.anomaly.baseline import fit_hour_of_week_mad
from smartwatts_ml.readings.base import SiteReadings
from smartwatts_ml.readings.holdout import holdout_part, make_split, training_part
from smartwatts_ml.settings import HoldoutSettings

from .conftest import MemoryReadings, made_home

EMBEDDED = Path(__file__).parents[1] / "embedded" / "anomaly.json"


class Counted(MemoryReadings):
    """Readings that count how often each site was loaded."""

    def __init__(self, sites: list[SiteReadings]) -> None:
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


def test_judging_and_drawing_read_each_site_of_the_holdout_once() -> None:
    readings = Counted([made_home(f"home{i}", 60, i) for i in range(3)])
    split = make_split(readings.spans(), HoldoutSettings(days=14), embargo_s=86_400)
    baseline = fit_hour_of_week_mad(training_part(readings, split), 2.0)
    readings.loads.clear()
    details = KIND.read_details(json.loads(EMBEDDED.read_text()))
    holdout = holdout_part(readings, split, 1 << 30)
    systems = {"challenger": baseline, "hour_of_week_mad": baseline}
    day_histograms(holdout, KIND.spec().channels)
    KIND.work.evaluate(details, systems, holdout, 7)
    KIND.work.charts(details, systems, holdout, 7)
    assert readings.loads == Counter(dict.fromkeys(("home0", "home1", "home2"), 1))
