"""Scores and alerts over days on which clocks change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smartwatts_ml.kinds.anomaly import KIND
from smartwatts_ml.kinds.anomaly.layout import TYPES
from smartwatts_ml.localtime import wall_clock
from smartwatts_ml.readings.base import MAINS, SiteReadings
from tests.kinds.anomaly.conftest import MemoryReadings

EMBEDDED = Path(__file__).parents[1] / "embedded" / "anomaly.json"
USUAL_W, LOUD_W = 200.0, 5200.0
DAYS = 30


class Ear:
    """Alerts where the newest reading is loud; 200 W is usual."""

    details: Mapping[str, Any] = json.loads(EMBEDDED.read_text())

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        loud = (inputs["history_w"][:, -1] > 1000.0).astype(np.float32)
        likeness = np.zeros((len(loud), len(TYPES)), np.float32)
        likeness[:, TYPES.index("spike")] = 1.0
        score = np.where(loud > 0, 0.999999, 0.5).astype(np.float32)
        usual = np.full_like(loud, USUAL_W)
        return {"score": score, "alert": loud, "likeness": likeness, "expected_w": usual}


def predicted(change: str, zone: str, loud: list[int], **options: bool) -> pd.DataFrame:
    """Of the day of a change and the 29 before it; ``loud``: hours of that day."""
    watts = np.full(24 * DAYS, USUAL_W, np.float32)
    watts[24 * (DAYS - 1) + np.array(loud)] = LOUD_W
    start = np.datetime64(change, "s") - np.timedelta64(DAYS - 1, "D")
    watts[wall_clock(zone).cells(start, 3600, len(watts)).seconds == 0] = np.nan
    site = SiteReadings("home1", start, 3600, {MAINS: watts}, timezone=zone, local=True)
    network = KIND.work.predictor(Ear())
    return pd.concat(KIND.work.predict(network, MemoryReadings([site]), **options))


@pytest.mark.parametrize(
    ("change", "zone", "hours"),
    [
        ("2026-03-29", "Europe/Berlin", 23),
        ("2026-10-25", "Europe/Berlin", 25),
        ("2026-06-14", "Europe/Berlin", 24),
        ("2026-10-25", "Asia/Kolkata", 24),
    ],
)
def test_there_is_a_row_for_each_real_hour(change: str, zone: str, hours: int) -> None:
    rows = predicted(change, zone, [5])
    stamps = rows.timestamp.to_numpy("datetime64[s]")
    assert (np.diff(stamps) == np.timedelta64(3600, "s")).all()
    first = wall_clock(zone).to_utc(np.datetime64(change, "s"))[0]
    assert (stamps >= first).sum() == hours
    shown = wall_clock(zone).to_wall(stamps[rows.alert.to_numpy() > 0])
    assert shown.tolist() == [np.datetime64(f"{change}T05:00:00").item()]


def test_an_alert_is_of_real_hours() -> None:
    autumn = predicted("2026-10-25", "Europe/Berlin", [2, 3], alerts=True).iloc[0]
    assert (str(autumn.start), str(autumn.end)) == ("2026-10-25 00:00:00", "2026-10-25 03:00:00")
    assert autumn.energy_kwh == pytest.approx(15.0)
    spring = predicted("2026-03-29", "Europe/Berlin", [1, 3], alerts=True).iloc[0]
    assert (str(spring.start), str(spring.end)) == ("2026-03-29 00:00:00", "2026-03-29 02:00:00")
    assert spring.energy_kwh == pytest.approx(10.0)
