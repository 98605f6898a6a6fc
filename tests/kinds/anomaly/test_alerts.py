"""What a person reads about an alert, from hours whose story is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from smartwatts_ml.kinds.anomaly.alerts import alert_frame
from smartwatts_ml.kinds.anomaly.hours import ScoredHours
from smartwatts_ml.kinds.anomaly.layout import TYPES
from smartwatts_ml.localtime import wall_clock

DAYS = 42
START = np.datetime64("2026-04-01T00:00:00", "s")
THRESHOLD = 2.0


def home(watts: np.ndarray, span: slice, looks_like: str, rarity: float = 4.0) -> ScoredHours:
    """Hours with one alert in ``span`` that the network takes for ``looks_like`` first, and
    for the other types alike."""
    n = len(watts)
    alert = np.zeros(n, np.int64)
    alert[span] = 1
    likeness = np.full((n, len(TYPES)), 0.1)
    likeness[:, TYPES.index(looks_like)] = 0.4
    rare = np.where(alert > 0, rarity, 0.5)
    return ScoredHours(
        cells=wall_clock("UTC").cells(START, 3600, n),
        score=1 - 10**-rare,
        rarity=rare,
        alert=alert,
        likeness=likeness,
        watts=watts,
        expected=usual(n),
    )


def usual(n: int = DAYS * 24) -> np.ndarray:
    """200 W at night, 1 kW in the evening."""
    hour = np.arange(n) % 24
    return np.where((hour >= 17) & (hour < 23), 1000.0, 200.0)


def wobbling(watts: np.ndarray) -> np.ndarray:
    """The same, never twice the same reading."""
    return watts * (1 + 0.06 * np.sin(1.7 * np.arange(len(watts))))


def the_row(found: ScoredHours) -> pd.Series:
    frame = alert_frame("h/mains", found, THRESHOLD)
    assert len(frame) == 1
    return frame.iloc[0]


def test_a_creep_names_the_rise_of_the_base_load_and_the_day_since_when() -> None:
    watts = wobbling(usual())
    watts[32 * 24 :] += 160.0  # from 3 May on, 80 % of the base load
    row = the_row(home(watts, slice(34 * 24, 34 * 24 + 30), "creep"))
    assert row["kind"] == "creep"
    assert "since 3 May" in row["message"]
    share = int(row["message"].split("%")[0].split()[-1])
    assert 75 <= share <= 95
    assert row["energy_kwh"] == pytest.approx(30 * 0.160, rel=0.1)


def test_without_a_higher_base_load_nothing_is_called_a_creep() -> None:
    watts = wobbling(usual())
    watts[34 * 24 + 17 : 34 * 24 + 20] += 3000.0
    found = home(watts, slice(34 * 24 + 17, 34 * 24 + 20), "creep")
    assert the_row(found)["kind"] != "creep"


def test_a_stuck_meter_says_since_how_many_hours_also_before_the_alert() -> None:
    watts = wobbling(usual())
    watts[800:812] = 431.7
    row = the_row(home(watts, slice(806, 812), "stuck"))
    assert row["kind"] == "stuck"
    assert "432 W for 12 h" in row["message"]


def test_a_lull_in_readings_that_move_is_no_stuck_meter() -> None:
    watts = wobbling(usual())
    watts[809:812] *= 0.5
    row = the_row(home(watts, slice(809, 812), "stuck"))
    assert row["kind"] == "outage"
    assert "much less runs than usual" in row["message"]


def test_no_power_at_all_is_an_outage_whatever_the_network_takes_it_for() -> None:
    watts = wobbling(usual())
    watts[810] = 0.0
    row = the_row(home(watts, slice(810, 811), "scale"))
    assert row["kind"] == "outage"
    assert "off" in row["message"]


@pytest.mark.parametrize(
    ("extra", "rarity", "severity"),
    [(3000.0, 4.0, "high"), (3000.0, 2.7, "medium"), (3000.0, 2.1, "low"), (40.0, 4.0, "medium")],
)
def test_severity_grows_with_rarity_and_little_energy_is_never_severe(
    extra: float, rarity: float, severity: str
) -> None:
    watts = wobbling(usual())
    watts[800:802] += extra
    assert the_row(home(watts, slice(800, 802), "spike", rarity))["severity"] == severity


def test_a_row_rests_on_nothing_after_its_end() -> None:
    watts = wobbling(usual())
    watts[32 * 24 :] += 160.0
    found = home(watts, slice(34 * 24, 34 * 24 + 30), "creep")
    later = watts.copy()
    later[34 * 24 + 30 :] = 0.0
    assert the_row(found).equals(the_row(replace(found, watts=later)))


def test_a_young_home_gets_a_sentence_without_a_base_load() -> None:
    watts = wobbling(usual(4 * 24)) + 300.0
    found = home(watts, slice(80, 90), "creep")
    assert "something stays on" in the_row(found)["message"]
