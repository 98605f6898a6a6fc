"""Holidays and temperature help where they are there, and are never required."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.kinds.forecasting import KIND
from smartwatts_ml.kinds.forecasting.details import Exogenous
from smartwatts_ml.kinds.forecasting.series import CHANNELS, to_series
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.readings.base import SiteReadings, SiteSpan
from tests.kinds.forecasting.helpers import Made, habit, site_of

DAYS = 200
WEEK = 168


def heated(seed: int, name: str, weather: np.ndarray | None) -> SiteReadings:
    """A home that heats with electricity; ``weather``: its temperature, if it is told."""
    warmth = np.repeat(np.random.default_rng(seed).normal(8.0, 5.0, DAYS), 24)
    power = habit(DAYS, seed, 300.0) + 80.0 * np.clip(16.0 - warmth, 0, None)
    site = site_of(power, name)
    if weather is not None:
        site.channels[CHANNELS[1]] = warmth.astype(np.float32)
    return site


def error(site: SiteReadings, predictor: object) -> float:
    series = to_series(site)
    origins = np.arange(len(series) - 40 * 24, len(series) - 24, 24)
    truth = series.power[origins[:, None] + np.arange(24)]
    found = predictor.forecast(series, origins)  # type: ignore[attr-defined]
    return float(np.abs(truth - found[:, :, 1]).mean() / truth.mean())


@pytest.mark.slow
def test_temperature_helps_where_it_is_and_its_absence_is_no_error() -> None:
    told = np.ones(1)
    homes = Made(*(heated(seed, f"home{seed}", told) for seed in range(4)))
    spec = KIND.spec(forecast_horizon=24, temperature=True, holidays="DE")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMARTWATTS_FORECASTING_EPOCH_WINDOWS", "2048")
        trained = KIND.trainer.train(spec, homes, TrainOptions(epochs=3, seed=1), lambda *_: None)
    assert [tensor.name for tensor in trained.details.inputs][2:] == ["holiday", "temperature_c"]
    assert KIND.spec_of(trained.details) == spec
    predictor = KIND.work.predictor(KerasNetwork.from_training(trained))
    with_it, without = heated(9, "new", told), heated(9, "new", None)
    assert error(with_it, predictor) < 0.8 * error(without, predictor)
    found = predictor.forecast(to_series(without), np.array([24 * 3, 24 * 50]))
    assert np.isfinite(found).all()


def test_inputs_from_outside_reach_past_the_origin_and_mains_do_not() -> None:
    site = site_of(np.arange(24.0 * 60), timezone="Europe/Berlin")
    site.channels[CHANNELS[1]] = np.arange(24.0 * 60, dtype=np.float32)
    found = to_series(site).contexts(
        np.array([24 * 40]), Exogenous(country="DE", temperature=True, ahead=48)
    )
    assert found["holiday"].shape == found["temperature_c"].shape == (1, 28 * 24 + 48, 1)
    assert found["temperature_c"][0, -1, 0] == 24 * 40 + 47
    assert found["history_w"][0, -1, 0] == 24 * 40 - 1
    last = to_series(site).contexts(np.array([24 * 60]), Exogenous(temperature=True, ahead=48))
    assert np.isnan(last["temperature_c"][0, -48:]).all() and "holiday" not in last


def test_holidays_follow_the_local_calendar() -> None:
    site = site_of(habit(60, 1), start=np.datetime64("2026-12-01T00:00:00"), timezone="Asia/Tokyo")
    flags = to_series(site).contexts(np.array([31 * 24]), Exogenous(country="JP", ahead=24))[
        "holiday"
    ]
    # 31 December 24:00 UTC is 1 January 09:00 in Tokyo; the holiday began nine hours ago.
    assert flags[0, :, 0].nonzero()[0].tolist() == list(range(672 - 9, 672 + 15))


def test_a_country_that_nobody_knows_is_wrong_use() -> None:
    spec = KIND.spec(forecast_horizon=24, holidays="XX")
    with pytest.raises(UsageError, match="ISO 3166"):
        KIND.trainer.train(
            spec, Made(site_of(habit(60, 1))), TrainOptions(epochs=1), lambda *_: None
        )


class Fleet(Made):
    """Thousands of homes, each made when it is loaded."""

    def __init__(self, count: int) -> None:
        super().__init__(site_of(habit(30, 1)))
        span = super().spans()[0]
        self._spans = tuple(
            SiteSpan(f"home{i}", span.channels, span.start, span.end, span.rows, span.native_s)
            for i in range(count)
        )
        self.loaded: set[str] = set()

    def spans(self) -> tuple[SiteSpan, ...]:
        return self._spans

    def load(self, site: str, period_s: int, channels: Sequence[str] | None = None) -> SiteReadings:
        self.loaded.add(site)
        return site_of(habit(30, int(site[4:])), site)


@pytest.mark.slow
def test_ten_thousand_sites_are_sampled() -> None:
    fleet = Fleet(10_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMARTWATTS_FORECASTING_EPOCH_WINDOWS", "256")
        patch.setenv("SMARTWATTS_FORECASTING_MAX_SITES", "40")
        trained = KIND.trainer.train(
            KIND.spec(forecast_horizon=24), fleet, TrainOptions(epochs=1, seed=3), lambda *_: None
        )
    assert len(fleet.loaded) == 40
    assert "40 of 10,000 sites" in " ".join(trained.notes)
