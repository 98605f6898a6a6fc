"""The simple methods, and tables of forecasts."""

from __future__ import annotations

import tracemalloc
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands import predict as commands
from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import BadInputError, UsageError
from smartwatts_ml.kinds.forecasting import KIND
from smartwatts_ml.kinds.forecasting.predictors import SameHourMean
from smartwatts_ml.kinds.forecasting.series import to_series
from tests.kinds.forecasting.helpers import MONDAY, Made, details_of, habit, hours_after, site_of
from tests.readings.ingest.landing import HEADER, minutes

WEEK = 168


def weeks_of(*levels: float) -> np.ndarray:
    """One constant level for each week, W."""
    return np.repeat(np.array(levels, float), WEEK)


def forecast(power: np.ndarray, horizon: int, weeks: int = 4) -> np.ndarray:
    series = to_series(site_of(power))
    found = SameHourMean(horizon, weeks).forecast(series, np.array([len(series)]))
    return np.asarray(found[0])


def test_four_week_mean_is_the_mean_of_the_last_four_same_hours() -> None:
    found = forecast(weeks_of(9999, 100, 200, 300, 400), 200)
    np.testing.assert_allclose(found[:, 1], 250.0)
    assert (found[:, 0] < 250).all() and (found[:, 2] > 250).all()


def test_last_week_is_repeated() -> None:
    power = habit(35, 4)
    found = forecast(power, 2 * WEEK, weeks=1)
    np.testing.assert_allclose(found[:, 1], np.tile(power[-WEEK:], 2), rtol=1e-5)


def test_a_home_without_surprises_gets_a_narrow_interval() -> None:
    found = forecast(np.tile(habit(7, 1), 5), 24)
    np.testing.assert_allclose(found[:, 2] - found[:, 0], 0, atol=1e-2)


def test_baselines_live_with_gaps_and_short_histories() -> None:
    power = weeks_of(100, 200, 300, 400)
    power[WEEK : 2 * WEEK] = np.nan
    np.testing.assert_allclose(forecast(power, 24)[:, 1], 800 / 3, rtol=1e-5)
    for short in (np.full(5, 250.0), np.full(100, np.nan), habit(2, 1)):
        for weeks in (1, 4):
            found = forecast(short, 720, weeks)
            assert np.isfinite(found).all() and (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_allclose(forecast(np.full(5, 250.0), 24)[:, 1], 250)


@pytest.mark.parametrize("times", [("--from", "2030-01-01"), ("--to", "2020-01-01")])
def test_a_time_without_readings_is_told_with_their_span(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: tuple[str, str]
) -> None:
    monkeypatch.setattr(commands, "_open", lambda *_: nullcontext((None, details_of(24))))
    work = replace(KIND.work, predictor=lambda _: SameHourMean(24, 4))
    monkeypatch.setitem(vars(KIND), "work", work)
    (tmp_path / "a.csv").write_text("\n".join((HEADER, *minutes("home1", 3000))))
    files = ("--model-path", "m", "--input", str(tmp_path / "a.csv"), "--output", "none.csv")
    done = CliRunner().invoke(app, ["predict", "forecasting", *files, *times])
    assert isinstance(done.exception, BadInputError)
    reason = "its readings begin on 2024-01-31T00:00:00 and end on 2024-02-02T02:00:00"
    assert reason in str(done.exception)


def predicted(power: np.ndarray, **options: object) -> pd.DataFrame:
    frames = KIND.work.predict(SameHourMean(24, 4), Made(site_of(power)), **options)
    return pd.concat(frames, ignore_index=True)


def test_without_options_there_is_one_forecast_from_the_end_of_the_data() -> None:
    found = predicted(habit(30, 1))
    assert list(found.columns) == list(KIND.prediction_columns)
    assert found["device_id"].unique().tolist() == ["home1/mains"]
    end = pd.Timestamp(hours_after(MONDAY, 30 * 24))
    assert found["issued_at"].unique().tolist() == [end]
    assert found["timestamp"].tolist() == list(pd.date_range(end, periods=24, freq="h"))
    assert found["issued_at"].dtype == found["timestamp"].dtype == "datetime64[s]"


def test_from_and_to_are_inclusive_origins() -> None:
    start, end = hours_after(MONDAY, 20 * 24), hours_after(MONDAY, 24 * 24)
    daily = predicted(habit(30, 1), from_=start, to=end, every="24h")
    assert daily["issued_at"].unique().tolist() == list(pd.date_range(start, end, freq="D"))
    weekly = predicted(habit(30, 1), from_=start, every="7d")
    assert weekly["issued_at"].nunique() == 2
    assert predicted(habit(30, 1), to=end)["issued_at"].unique().tolist() == [pd.Timestamp(end)]


def test_origins_outside_the_readings_are_left_out() -> None:
    far = hours_after(MONDAY, 300 * 24)
    assert (
        list(KIND.work.predict(SameHourMean(24, 4), Made(site_of(habit(30, 1))), from_=far)) == []
    )
    early = predicted(habit(3, 1), from_=hours_after(MONDAY, -48), every="24h")
    assert early["issued_at"].min() == pd.Timestamp(hours_after(MONDAY, 24))


def test_times_of_other_ages_take_no_memory() -> None:
    ages = {"from_": np.datetime64("0001-01-01", "s"), "to": np.datetime64("9999-01-01", "s")}
    tracemalloc.start()
    found = predicted(habit(3, 1), **ages, every="1h")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["issued_at"].nunique() == 72 and peak < 50e6


def test_changing_later_readings_changes_no_forecast() -> None:
    power = habit(40, 3)
    origins = {"from_": hours_after(MONDAY, 30 * 24), "to": hours_after(MONDAY, 33 * 24)}
    other = power.copy()
    other[33 * 24 :] = -1e6
    pd.testing.assert_frame_equal(predicted(power, **origins), predicted(other, **origins))


@pytest.mark.parametrize("every", ["soon", "0", "-24h", "1w", ""])
def test_a_wrong_every_says_what_is_right(every: str) -> None:
    with pytest.raises(UsageError, match="24h, 7d"):
        predicted(habit(30, 1), from_=MONDAY, every=every)


def test_every_alone_and_a_reversed_range_are_wrong_use() -> None:
    with pytest.raises(UsageError, match="--from"):
        predicted(habit(30, 1), every="24h")
    with pytest.raises(UsageError, match="before"):
        predicted(habit(30, 1), from_=hours_after(MONDAY, 48), to=MONDAY)


@pytest.mark.parametrize(
    ("hours", "name", "stem"),
    [
        (24, "forecasting_24h", "forecasting_24h_model"),
        (48, "forecasting_48h", "forecasting_48h_model"),
        (168, "forecasting_7d", "forecasting_168h_model"),
        (720, "forecasting_30d", "forecasting_720h_model"),
    ],
)
def test_a_horizon_names_its_model(hours: int, name: str, stem: str) -> None:
    spec = KIND.spec(forecast_horizon=hours)
    assert (spec.name, spec.file_stem) == (name, stem)
    assert KIND.spec_of(details_of(hours)) == spec


@pytest.mark.parametrize("hours", [-1, 721])
def test_a_horizon_out_of_bounds_is_wrong_use(hours: int) -> None:
    with pytest.raises(UsageError, match="1 to 720"):
        KIND.spec(forecast_horizon=hours)
