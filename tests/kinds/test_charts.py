"""Charts and figures of kinds, made from readings that cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from smartwatts_ml.kinds.anomaly.charts import charts as anomaly_charts
from smartwatts_ml.kinds.charts import Chart, Figure, Heatmap
from smartwatts_ml.kinds.forecasting.charts import charts as forecasting_charts
from smartwatts_ml.kinds.forecasting.charts import figures
from smartwatts_ml.kinds.forecasting.evaluation import evaluate
from smartwatts_ml.kinds.forecasting.predictors import SameHourMean
from smartwatts_ml.kinds.nilm.charts import charts as nilm_charts
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, SiteSpan

DAYS, SITES, AHEAD = 42, 40, 2
START = np.datetime64("2026-03-02T00:00:00")


class Counted(Readings):
    """Many homes, each with a kettle; knows which of them were loaded."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def spans(self) -> tuple[SiteSpan, ...]:
        end = START + np.timedelta64(DAYS, "D")
        return tuple(
            SiteSpan(f"h{i:02}", (MAINS, "kettle"), START, end, DAYS * 48, 3600)
            for i in range(SITES)
        )

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        self.loaded.append(site)
        hours = np.arange(DAYS * 86_400 // period_s) * period_s // 3600
        kettle = np.where(hours % 24 == 7, 2000.0, 0.0)
        mains = kettle + 300.0 + 50.0 * (hours % 24)
        power = {MAINS: mains.astype(np.float32), "kettle": kettle.astype(np.float32)}
        return SiteReadings(site, START, period_s, power)


class Half:
    """Says that the kettle has half of mains above 1 kW."""

    appliances = ("kettle",)

    def power(self, mains: np.ndarray) -> np.ndarray:
        return np.where(mains > 1000, mains / 2, 0.0)[:, None]


class Random:
    """Scores hours at random and alerts of a tenth of them."""

    def score(self, site: SiteReadings, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        score = np.random.default_rng(len(at)).random(len(at))
        return score, score > 0.9


Draw = Callable[[Readings], tuple[Chart, ...]]
DRAWN: dict[str, tuple[int, Draw]] = {
    "nilm": (10, lambda r: nilm_charts({"challenger": Half()}, r, 600, {"kettle": 500.0})),
    "forecasting": (20, lambda r: forecasting_charts(24, {"challenger": SameHourMean(24, 4)}, r)),
    "anomaly": (20, lambda r: anomaly_charts({"challenger": Random()}, r, 0)),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_charts_load_no_more_sites_than_they_show(kind: str) -> None:
    most, draw = DRAWN[kind]
    readings = Counted()
    assert draw(readings)
    looked_for_labels = SITES if kind == "anomaly" else 0
    assert len(readings.loaded) - looked_for_labels <= most + AHEAD


def test_figures_of_forecasts_show_three_sites_and_load_no_more() -> None:
    readings, forecaster = Counted(), SameHourMean(24, 4)
    scores = evaluate(24, {"model": forecaster}, readings)["model"]
    readings.loaded.clear()
    drawn = figures(forecaster, readings, scores)
    fans, errors = drawn["fan_charts"], drawn["errors"]
    assert len(readings.loaded) == 3
    assert isinstance(fans, Figure) and isinstance(errors, Heatmap)
    for panel in fans.charts[0].panels:
        first = panel.x.index(0.0)
        assert panel.lines[1].y[:first] == [None] * first and None not in panel.lines[1].y[first:]
        assert (panel.spans[0].start, panel.spans[0].end) == (panel.x[0], 0.0)
    assert len(errors.rows) == len(errors.values) == SITES
    assert all(len(row) == 24 for row in errors.values)
