"""Holidays and temperature help where they are there, and are never required."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import NotEnoughReadingsError, UsageError
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.kinds.forecasting import KIND
from smartwatts_ml.kinds.forecasting.details import Exogenous
from smartwatts_ml.kinds.forecasting.series import CHANNELS, to_series
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.objects import open_root
from smartwatts_ml.readings.base import SiteReadings, SiteSpan
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.settings import settings
from smartwatts_ml.stages.train import train
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


@pytest.mark.full
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
    assert flags[0, :, 0].nonzero()[0].tolist() == list(range(672, 672 + 24))


@pytest.mark.parametrize("country", ["XX", "DE-QQ", "Germany"])
def test_a_country_that_nobody_knows_is_wrong_use_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, country: str
) -> None:
    loads = Mock(side_effect=AssertionError("TensorFlow is loaded"))
    monkeypatch.setattr("smartwatts_ml.commands.train.start_tensorflow", loads)
    monkeypatch.setattr("smartwatts_ml.stages.train.start_tensorflow", loads)
    with pytest.raises(UsageError, match="ISO 3166"):
        KIND.spec(forecast_horizon=24, holidays=country)
    monkeypatch.setenv("SMARTWATTS_FORECASTING_HOLIDAYS", country)
    train_on_files = ["train", "forecasting", "--data-dir", str(tmp_path)]
    ended = CliRunner().invoke(app, [*train_on_files, "--output-dir", str(tmp_path / "out")])
    assert isinstance(ended.exception, UsageError)
    assert "setting SMARTWATTS_FORECASTING_HOLIDAYS: " in str(ended.exception)
    assert not (tmp_path / "out").exists()
    run = ModelRun(open_root(str(tmp_path)), settings(), "run1", "forecasting_24h")
    with pytest.raises(UsageError, match=r"SMARTWATTS_FORECASTING_HOLIDAYS: .*ISO 3166"):
        train(run, lambda *_: None)


def test_a_training_on_a_root_is_what_its_options_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Mock(train=Mock(side_effect=NotEnoughReadingsError("none")))
    monkeypatch.setitem(vars(KIND), "trainer", trainer)
    monkeypatch.setattr("smartwatts_ml.stages.train.start_tensorflow", lambda: None)
    monkeypatch.setattr(ModelRun, "training", ())
    week = ModelRun(open_root(str(tmp_path)), settings(), "run1", "forecasting_7d")
    options = TrainOptions(extra={"forecast_horizon": WEEK, "holidays": "DE"})
    with pytest.raises(NotEnoughReadingsError):
        train(week, lambda *_: None, options)
    spec, *_ = trainer.train.call_args.args
    assert (spec.name, spec.parameters["holidays"]) == ("forecasting_7d", "DE")
    with pytest.raises(UsageError, match=r"ask for forecasting_24h, and the run is for .*7d"):
        train(week, lambda *_: None, TrainOptions(extra={"holidays": "DE"}))


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

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        self.loaded.add(site)
        return site_of(habit(30, int(site[4:])), site)


@pytest.mark.full
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
