"""Activations, energy by day, and the sum of appliances against mains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.nilm import KIND
from smartwatts_ml.kinds.nilm.details import Duration
from smartwatts_ml.kinds.nilm.events import duration_of, keep_activations
from smartwatts_ml.kinds.nilm.predictors import NetworkPredictor, within_mains
from smartwatts_ml.readings.base import Readings, SiteReadings, SiteSpan

START = np.datetime64("2026-05-01T19:00:00")
NAMES = ("dishwasher", "kettle")
WINDOW = 64


class Fixed:
    """A network that says what it is told to: power where mains is near an appliance's."""

    def __init__(self) -> None:
        self.details = {
            "kind": "nilm",
            "model": "nilm",
            "inputs": [{"name": "mains_w", "shape": [1, WINDOW, 1]}],
            "outputs": [
                {"name": name, "shape": [1, WINDOW, len(NAMES)]}
                for name in ("power_w", "on_probability")
            ],
            "appliances": list(NAMES),
            "window": WINDOW,
            "period_s": 60,
            "on_cuts": dict.fromkeys(NAMES, 0.5),
            "on_thresholds_w": {"dishwasher": 300.0, "kettle": 500.0},
            "durations": {name: asdict(duration_of(name, np.empty(0))) for name in NAMES},
        }

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        mains = np.nan_to_num(inputs["mains_w"])
        power = np.concatenate(
            [np.where(abs(mains - 2100) < 50, 2000.0, 0.0), np.where(mains > 2500, 2600.0, 0.0)],
            axis=-1,
        ).astype(np.float32)
        return {"power_w": power, "on_probability": (power > 0).astype(np.float32)}


class One(Readings):
    """One home with the mains it is given."""

    def __init__(
        self, mains: np.ndarray, timezone: str = "UTC", start: np.datetime64 = START
    ) -> None:
        self._site = SiteReadings(
            "home1", start, 60, {"mains": mains.astype(np.float32)}, timezone=timezone
        )

    def spans(self) -> tuple[SiteSpan, ...]:
        site = self._site
        return (SiteSpan("home1", ("mains",), site.start, site.end, len(site), 60),)

    def load(self, *_: object, local: bool = False) -> SiteReadings:
        return self._site


def evening() -> np.ndarray:
    """A dishwasher that heats twice with half an hour between, and a kettle."""
    mains = np.full(600, 100.0)
    mains[2:20] = 2100
    mains[50:70] = 2100
    mains[200:203] = 2800
    return mains


def predicted(mains: np.ndarray, timezone: str = "UTC", **options: bool) -> list[tuple]:
    frames = KIND.work.predict(NetworkPredictor(Fixed()), One(mains, timezone), **options)
    return [row for frame in frames for row in frame.itertuples(index=False, name=None)]


def test_a_pause_between_two_heatings_is_part_of_one_activation() -> None:
    dishwasher, kettle = predicted(evening(), activations=True)
    assert dishwasher[:4] == (
        "home1",
        "dishwasher",
        np.datetime64("2026-05-01T19:02:00"),
        np.datetime64("2026-05-01T20:10:00"),
    )
    assert dishwasher[4] == pytest.approx(38 * 2000 / 60e3)
    assert dishwasher[5] == pytest.approx(38 * 2000 / 68)
    assert kettle[1] == "kettle" and kettle[4] == pytest.approx(3 * 2600 / 60e3)


def test_what_is_too_short_for_a_dishwasher_is_no_activation_and_draws_nothing() -> None:
    mains = np.full(300, 100.0)
    mains[100:104] = 2100
    assert predicted(mains, activations=True) == []
    assert sum(row[1] for row in predicted(mains)) == 0


def test_appliances_and_other_add_up_to_what_mains_measured() -> None:
    mains = evening()
    mains[400:430] = np.nan
    rows = predicted(mains, energy=True)
    for day in {row[2] for row in rows}:
        of_day = [row for row in rows if row[2] == day]
        assert [row[1] for row in of_day] == ["dishwasher", "kettle", "other"]  # of no half day
    total = sum(row[3] for row in rows)
    assert total == pytest.approx(np.nansum(mains) / 60e3, rel=1e-5)
    hours = sum(row[4] for row in rows if row[1] == "other")
    assert hours == pytest.approx(570 / 60)


def test_a_home_that_feeds_in_has_no_base_load_and_all_still_adds_up() -> None:
    mains = np.tile(evening(), 8)  # from 19:00 on, to 3:00 three days later
    mains[1200:1300] = -900
    rows = predicted(mains, energy=True)
    told = {day: [row[1] for row in rows if row[2] == day] for day in sorted({r[2] for r in rows})}
    every, without = (
        ["dishwasher", "kettle", "base_load", "other"],
        ["dishwasher", "kettle", "other"],
    )
    assert list(told.values()) == [without, without, every, every, without]
    assert sum(row[3] for row in rows) == pytest.approx(np.sum(mains) / 60e3, rel=1e-5)


def test_days_are_those_of_the_home_s_own_clock() -> None:
    utc = {row[2] for row in predicted(np.full(240, 100.0), energy=True)}
    tokyo = {row[2] for row in predicted(np.full(240, 100.0), "Asia/Tokyo", energy=True)}
    assert utc == {"2026-05-01"} and tokyo == {"2026-05-02"}


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_of_change_is_as_long_as_it_is_and_its_windows_go_on(day: str, hours: int) -> None:
    """The kettle runs over the change itself, in one piece."""
    mains = np.full(4 * 24 * 60, 100.0)
    change = 36 * 60 + 60  # 01:00 UTC of that day
    mains[change - 2 : change + 2] = 2700
    start = np.datetime64(day, "s") - np.timedelta64(36, "h")
    readings = One(mains, "Europe/Berlin", start)
    energy = pd.concat(KIND.work.predict(NetworkPredictor(Fixed()), readings, energy=True))
    of_day = energy[energy.day == day].set_index("appliance")
    assert of_day.measured_h.tolist() == [hours] * 4
    assert of_day.energy_kwh["base_load"] == pytest.approx(hours * 0.1)
    assert of_day.energy_kwh.sum() == pytest.approx((hours * 60 * 100 + 4 * 2600) / 60e3)
    runs = pd.concat(KIND.work.predict(NetworkPredictor(Fixed()), readings, activations=True))
    assert (runs.end - runs.start).tolist() == [pd.Timedelta(minutes=4)]


def test_columns_follow_the_options_and_two_at_once_are_refused() -> None:
    assert KIND.columns() == ("timestamp", "consumption", "device_id")
    assert KIND.columns(activations=True)[2:4] == ("start", "end")
    assert "measured_h" in KIND.columns(energy=True)
    with pytest.raises(UsageError, match="at once"):
        KIND.columns(activations=True, energy=True)


def test_a_duration_not_published_comes_from_what_was_seen() -> None:
    assert duration_of("pump", np.full(30, 600.0)).shortest_s == pytest.approx(300)
    assert duration_of("dishwasher", np.full(30, 60.0)).shortest_s == 600


def test_missing_mains_stay_missing_when_short_runs_go() -> None:
    power = np.array([[0.0], [900.0], [np.nan], [0.0]])
    kept = keep_activations(power, ("pump",), {"pump": Duration(60, 600)}, 60)
    assert np.array_equal(kept, [[0.0], [0.0], [np.nan], [0.0]], equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 4000), st.floats(0, 4000), st.floats(-3000, 9000))))
def test_the_sum_of_appliances_stays_within_mains(
    rows: list[tuple[float, float, float]],
) -> None:
    values = np.array(rows, float).reshape(-1, 3)
    power, mains = values[:, :2], values[:, 2]
    found = within_mains(power, mains)
    measured = mains > 20
    assert (found.sum(axis=1)[measured] <= mains[measured] + 20.001).all()
    assert np.array_equal(found[~measured], power[~measured])
