"""The feature graph and the network that ships: robust, causal, and better than simple."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from smartwatts_ml.errors import NotEnoughReadingsError, UsageError
from smartwatts_ml.kinds.anomaly import KIND
from smartwatts_ml.kinds.anomaly.examples import SiteHours, draw
from smartwatts_ml.kinds.anomaly.features import feature_model
from smartwatts_ml.kinds.anomaly.graphops import quantiles
from smartwatts_ml.kinds.anomaly.layout import SIZES, TYPES
from smartwatts_ml.kinds.anomaly.network import quieted
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.readings.base import SiteReadings
from smartwatts_ml.scores.bootstrap import site_sums

from .conftest import Case, MemoryReadings, made_home, scored_from

pytestmark = pytest.mark.slow


def test_quantiles_in_the_graph_are_numpys_over_present_values() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 27)).astype(np.float32)
    present = (rng.random((50, 27)) < 0.6).astype(np.float32)
    present[0] = 0
    found = np.asarray(quantiles(values, present, (0.0, 0.3, 1.0)))
    known = np.where(present[1:] > 0, values[1:], np.nan)
    expected = np.nanquantile(known, (0.0, 0.3, 1.0), axis=1).T
    np.testing.assert_allclose(found[1:], expected, rtol=1e-5, atol=1e-5)
    assert (found[0] == 0).all()


def test_features_do_not_depend_on_the_size_of_the_home(case: Case) -> None:
    model = feature_model(672)
    small = KIND.work.sample_inputs(case.trained.details, 16, 0)
    large = small | {"history_w": small["history_w"] * 256}
    np.testing.assert_allclose(
        model.predict(small, verbose=0)["features"],
        model.predict(large, verbose=0)["features"],
        atol=0.15,
    )


def test_an_hour_that_is_missing_by_itself_makes_those_after_it_no_odder() -> None:
    """As one is in each home each spring, when the clock skips it."""
    rng = np.random.default_rng(0)
    hours = np.arange(672)
    watts = 200 + 400 * (hours % 24 == 19) + 0.5 * rng.random(672)
    history = np.tile(watts.astype(np.float32)[None, :, None], (6, 1, 1))
    model, newest = feature_model(672), np.full((6, 1), 100, np.float32)

    def features() -> np.ndarray:
        return np.asarray(model({"history_w": history, "hour_of_week": newest})["features"])

    whole = features()
    for row, back in enumerate((1, 2, 3, 5, 12, 300)):
        history[row, 671 - back] = np.nan
    np.testing.assert_allclose(features(), whole, atol=0.3)
    history[:, 660:662] = np.nan  # two in a row are missing
    assert np.abs(features() - whole).max(axis=1).min() > 1.5


def test_a_size_that_is_left_out_silences_no_stuck_meter_that_shows_what_is_usual() -> None:
    """A network that alerts at all hours, each of another type, and expects the newest value."""
    import keras

    given = {
        "history_w": keras.Input((24, 1), name="history_w"),
        "hour_of_week": keras.Input((1,), name="hour_of_week"),
    }
    newest = given["history_w"][:, -1]
    types = keras.ops.cast(given["hour_of_week"][:, 0], "int32")
    outputs = {
        "alert": keras.ops.ones_like(newest),
        "likeness": keras.ops.one_hot(types, len(TYPES)),
        "expected_w": newest,
    }
    network = keras.Model(given, outputs)
    inputs = {
        "history_w": np.full((len(TYPES), 24, 1), 300, np.float32),
        "hour_of_week": np.arange(len(TYPES), dtype=np.float32)[:, None],
    }

    def alerted(*parts: str) -> list[str]:
        loud = np.asarray(quieted(network, parts)(inputs)["alert"])[:, 0] > 0
        return [name for name, is_loud in zip(TYPES, loud, strict=True) if is_loud]

    small, _, large = SIZES
    assert set(alerted(small)) == {"outage", "stuck", "shift"}
    assert set(alerted(small, "stuck")) == {"outage", "shift"}
    assert alerted(large) == list(TYPES)


def test_marked_hours_are_never_drawn_as_normal() -> None:
    site = made_home("home", 40, 0)
    values = site.channels["mains"].copy()
    values[500:600] = 1e6
    usable = ~np.isnan(values)
    usable[500:600] = False
    newest: list[np.ndarray] = []

    def record(history: np.ndarray, hour: np.ndarray) -> np.ndarray:
        newest.append(history[:, -1, 0])
        return np.zeros((len(history), 3), np.float32)

    hours = np.arange(len(values), dtype=np.float32) % 168
    drawn = draw(SiteHours(values, hours, usable), 2000, 200, 672, record, np.random.default_rng(0))
    assert drawn is not None
    assert np.concatenate(newest).max() < 1e5
    assert len(drawn.normal) == len(drawn.hours) == usable[72:].sum()
    codes = drawn.examples.codes
    assert 0.1 < np.mean(codes > 0) < 0.4


def test_later_readings_change_no_earlier_score(case: Case) -> None:
    rng = np.random.default_rng(0)
    scorer = KIND.work.predictor(case.file)
    site = made_home("home", 45, 9)
    at = np.flatnonzero(~np.isnan(site.channels["mains"]))
    before, _ = scorer.score(site, at)
    for cut in rng.integers(100, len(site) - 1, 3):
        values = site.channels["mains"].copy()
        values[cut:] = rng.choice((0.0, 1e5, 300.0), len(values) - cut)
        changed = replace(site, channels={"mains": values})
        after, _ = scorer.score(changed, at[at < cut])
        assert np.array_equal(before[at < cut], after)


def test_cutting_off_what_lies_before_the_context_changes_nothing(case: Case) -> None:
    scorer = KIND.work.predictor(case.file)
    site = made_home("home", 60, 9)
    late = site.between(site.start + np.timedelta64(30, "D"), None)
    at = np.array([28 * 24, 29 * 24 + 5])
    assert np.array_equal(scorer.score(site, at + 720)[0], scorer.score(late, at)[0])


def test_short_or_holed_history_gives_finite_scores_and_young_devices_no_alert(case: Case) -> None:
    samples = KIND.work.sample_inputs(case.trained.details, 12, 3)
    history = samples["history_w"]
    history[0] = np.nan
    history[1, :-1] = np.nan
    history[2, : 672 - 30] = np.nan
    history[2, -1] = 1e6
    history[3, ::3] = np.nan
    history[4] = 0
    history[5] = 1e9
    history[6] *= -1
    for network in (case.keras, case.file):
        outputs = network(samples)
        assert np.isfinite(outputs["score"]).all()
        assert (outputs["score"] >= 0).all() and (outputs["score"] <= 1).all()
        assert set(np.unique(outputs["alert"])) <= {0.0, 1.0}
        assert (outputs["alert"][:3] == 0).all()


def test_a_brief_training_beats_the_baseline_on_homes_it_has_not_seen(case: Case) -> None:
    fresh = MemoryReadings([scored_from(made_home(f"new{i}", 70, 50 + i), 35) for i in range(3)])
    details = case.trained.details
    systems = KIND.work.baselines(details, case.readings)
    systems["model"] = KIND.work.predictor(case.file)
    scores = KIND.work.evaluate(details, systems, fresh, 0)
    ours, simple = (
        KIND.work.headline(site_sums(scores[name])) for name in ("model", "hour_of_week_mad")
    )
    assert ours["pr_auc"] > simple["pr_auc"] + 0.05
    assert ours["event_recall"] >= 0.6
    assert scores["model"].extra["vus_pr"] > 0.5


def test_the_file_alerts_where_the_details_say(case: Case) -> None:
    samples = KIND.work.sample_inputs(case.trained.details, 64, 5)
    outputs = case.keras(samples)
    details = case.trained.details
    known = (~np.isnan(samples["history_w"])).sum(axis=1) >= details.min_present_hours
    clear = np.abs(outputs["score"] - details.threshold) > 1e-4
    above = (outputs["score"] >= details.threshold) & known
    assert np.array_equal(outputs["alert"][clear] > 0.5, above[clear])
    assert above.any() and not above.all()


def test_alerts_have_a_row_each_with_energy_kind_and_a_sentence(case: Case) -> None:
    site = made_home("home", 50, 5)
    values = site.channels["mains"].copy()
    values[1000:1010] = 0
    broken = replace(site, channels={"mains": values})
    scorer, readings = KIND.work.predictor(case.file), MemoryReadings([broken])
    table = pd.concat(KIND.work.predict(scorer, readings, alerts=True))
    assert tuple(table.columns) == KIND.columns(alerts=True)
    hit = table[(table["start"] >= broken.times[1000]) & (table["start"] <= broken.times[1005])]
    assert hit["kind"].tolist() == ["outage"]
    assert "off" in hit["message"].iloc[0]
    assert hit["energy_kwh"].iloc[0] < 0
    hours = pd.concat(KIND.work.predict(scorer, readings))
    loud = hours.loc[hours["alert"] == 1, "timestamp"]
    inside = [((table["start"] <= t) & (t < table["end"])).any() for t in loud]
    assert all(inside) and len(loud)


def test_predictions_have_a_row_for_each_reading_and_none_for_a_missing_one(case: Case) -> None:
    site = made_home("home", 20, 4)
    present = ~np.isnan(site.channels["mains"])
    frames = list(KIND.work.predict(KIND.work.predictor(case.file), MemoryReadings([site])))
    table = pd.concat(frames)
    assert tuple(table.columns) == KIND.prediction_columns
    assert (table["device_id"] == "home/mains").all()
    assert np.array_equal(table["timestamp"].to_numpy("datetime64[s]"), site.times[present])
    assert set(table["alert"]) <= {0, 1}


def test_one_site_is_enough_and_a_threshold_moves_the_alerts(small_settings: None) -> None:
    readings = MemoryReadings([made_home("home", 60, 0)])
    spec = KIND.models()[0]
    loud = TrainOptions(epochs=2, extra={"threshold": 0.9, "max_alerts_per_month": None})
    trained = KIND.trainer.train(spec, readings, loud, lambda *_: None)
    assert trained.details.threshold == pytest.approx(0.9, abs=0.02)
    assert trained.details.alert_rule == "above the 0.9 quantile of training scores"


def test_what_cannot_be_trained_or_judged_says_why(case: Case) -> None:
    spec = KIND.models()[0]
    short = MemoryReadings([made_home("home", 10, 0)])
    with pytest.raises(NotEnoughReadingsError, match="21 days"):
        KIND.trainer.train(spec, short, TrainOptions(epochs=1), lambda *_: None)
    with pytest.raises(UsageError, match="no option"):
        KIND.trainer.train(spec, short, TrainOptions(extra={"nonsense": 1}), lambda *_: None)
    unlabelled: SiteReadings = made_home("home", 40, 0)
    nothing = replace(unlabelled, channels={"mains": np.full(960, np.nan, np.float32)})
    with pytest.raises(NotEnoughReadingsError):
        KIND.work.evaluate(case.trained.details, {}, MemoryReadings([nothing]), 0)


def test_a_large_fleet_is_sampled(small_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTWATTS_ANOMALY_MAX_SITES", "3")
    monkeypatch.setenv("SMARTWATTS_ANOMALY_NORMAL_HOURS", "1000")
    readings = MemoryReadings([made_home(f"home{i}", 30, i) for i in range(8)])
    trained = KIND.trainer.train(
        KIND.models()[0], readings, TrainOptions(epochs=1), lambda *_: None
    )
    assert "of 3 sites" in trained.notes[0]
    months = float(trained.notes[0].split("calibrated on ")[1].split()[0])
    assert 0.3 <= months <= 2.0
