"""Metrics against values by hand, by other code, and by their definition."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from smartwatts_ml.kinds.anomaly.baseline import fit_hour_of_week_mad
from smartwatts_ml.kinds.anomaly.evaluation import evaluate
from smartwatts_ml.kinds.anomaly.metrics import BINS, STATS, headline, score_bins, vus_pr
from smartwatts_ml.readings.base import SiteReadings
from smartwatts_ml.readings.run_lengths import true_runs
from smartwatts_ml.scores.bootstrap import site_sums

from .conftest import START, MemoryReadings, made_home, scored_from


def reference_series() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    truth = np.zeros(1000, int)
    truth[100:110] = truth[125:127] = truth[500:560] = truth[997:] = 1
    return truth, np.round(rng.normal(size=1000) + 1.5 * truth, 2)


@pytest.mark.parametrize(
    ("window", "expected"), [(24, 0.328609068853853), (100, 0.389356572499785)]
)
def test_vus_pr_gives_the_values_of_tsb_ad(window: int, expected: float) -> None:
    assert vus_pr(*reference_series(), window=window) == pytest.approx(expected, abs=1e-9)


def brute_force_vus(truth: np.ndarray, scores: np.ndarray, window: int, thresholds: int) -> float:
    """By the definition: every buffer, every threshold, every event."""
    n, areas = len(truth), []
    cuts = np.sort(scores)[::-1][np.linspace(0, n - 1, thresholds).astype(int)]
    first, end = true_runs(truth)
    last = end - 1
    for width in range(window + 1):
        half, soft = width // 2, truth.astype(float)
        for a, b in zip(first, last, strict=True):
            for k in range(1, half + 1):
                for place in (a - k, b + k):
                    if 0 <= place < n:
                        soft[place] += np.sqrt(1 - k / width)
        soft = np.minimum(soft, 1)
        groups: list[list[int]] = []
        for a, b in zip(first, last, strict=True):
            if groups and groups[-1][1] >= a - half:
                groups[-1][1] = b + half
            else:
                groups.append([a - half, b + half])
        area, before = 0.0, 0.0
        for cut in cuts:
            on = scores >= cut
            gained = soft[on].sum()
            found = np.mean([on[max(a, 0) : b + 1].any() for a, b in groups])
            real = truth.sum() + (gained - truth[on].sum()) / 2
            recall = min(gained / real, 1.0) * found
            area += (recall - before) * gained / on.sum()
            before = recall
        areas.append(area)
    return float(np.mean(areas))


def test_vus_pr_is_what_its_definition_says() -> None:
    rng = np.random.default_rng(0)
    for _ in range(3):
        truth = np.zeros(150, int)
        for start in rng.integers(0, 140, 4):
            truth[start : start + rng.integers(1, 10)] = 1
        scores = np.round(rng.random(150) + 0.5 * truth, 2)
        expected = brute_force_vus(truth, scores, 12, 40)
        assert vus_pr(truth, scores, window=12, thresholds=40) == pytest.approx(expected)


def test_pr_auc_from_histograms_is_close_to_the_exact_one() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(20_000) < 0.02
    logit = rng.normal(size=20_000) + 2.5 * truth
    scores = 1 - 1 / (1 + np.exp(3 * logit))
    sums = np.zeros((1, 1, len(STATS)))
    bins = score_bins(scores) + np.where(truth, 8, 8 + BINS)
    np.add.at(sums[0, 0], bins, 1.0)
    exact = average_precision_score(truth, scores)
    assert headline(sums)["pr_auc"] == pytest.approx(exact, abs=0.02)


def test_no_alert_has_precision_zero_and_nothing_anomalous_has_no_recall() -> None:
    empty = headline(np.zeros((2, 1, len(STATS))))
    assert empty["precision"] == 0.0
    assert all(np.isnan(empty[name]) for name in ("recall", "f1", "pr_auc", "event_recall"))


class Fixed:
    """A system that says the same whatever the readings are."""

    def __init__(self, alerts: dict[int, float]) -> None:
        self._alerts = alerts

    def score(self, site: SiteReadings, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = np.array([self._alerts.get(int(i), 0.0) for i in at])
        return scores, scores > 0.5


def labelled_site() -> SiteReadings:
    site = made_home("home", 10, 0)
    values = np.nan_to_num(site.channels["mains"], nan=100.0)
    marks = np.zeros(len(values), np.uint8)
    marks[150:160] = marks[200:202] = 1
    return SiteReadings("home", START, 3600, {"mains": values}, anomaly=marks)


def test_alerts_are_counted_in_runs_and_an_echo_is_excused() -> None:
    on = {*range(158, 164), *range(202, 203), *range(230, 233), *range(10, 20)}
    system = Fixed({i: 1.0 for i in on})
    readings = MemoryReadings([scored_from(labelled_site(), 5)])
    scores = evaluate({"fixed": system}, readings, 0)["fixed"]
    totals = dict(zip(STATS, site_sums(scores).sum(axis=(0, 1)), strict=True))
    assert (totals["tp"], totals["fp"], totals["fn"]) == (2, 8, 10)
    assert (totals["events"], totals["events_hit"]) == (2, 1)
    assert totals["false_alerts"] == 1
    assert totals["normal_hours"] == 120 - 12
    assert sum(totals[f"anomalous_{i}"] for i in range(BINS)) == 12


def test_always_on_counts_once_a_day_and_excuses_nothing() -> None:
    readings = MemoryReadings([scored_from(labelled_site(), 5)])
    system = Fixed({i: 1.0 for i in range(240)})
    scores = evaluate({"on": system}, readings, 0)["on"]
    totals = dict(zip(STATS, site_sums(scores).sum(axis=(0, 1)), strict=True))
    assert totals["false_alerts"] == 2 + 2 + 2  # 30, 40 and 38 hours
    assert totals["events_hit"] == 2


def test_labels_are_used_where_there_are_any_and_injection_else() -> None:
    system = {"fixed": Fixed({})}
    by_labels = evaluate(system, MemoryReadings([labelled_site(), made_home("b", 10, 1)]), 0)
    assert "labels" in by_labels["fixed"].notes[0]
    plain = [scored_from(made_home(f"h{i}", 60, i), 30) for i in range(2)]
    first = evaluate(system, MemoryReadings(plain), 0)["fixed"]
    again = evaluate(system, MemoryReadings(plain), 0)["fixed"]
    other = evaluate(system, MemoryReadings(plain), 1)["fixed"]
    assert "injection" in first.notes[0]
    assert np.array_equal(first.sums, again.sums)
    assert not np.array_equal(first.sums, other.sums)
    by_type = first.tables["events by type"]
    assert sum(row["events"] for row in by_type.values()) >= 6
    assert all(row["recall"] == 0 for row in by_type.values() if row["events"])
    always = Fixed(dict.fromkeys(range(60 * 24), 1.0))
    loud = evaluate({"always": always}, MemoryReadings(plain), 0)["always"].tables
    events = [table for title, table in loud.items() if title.startswith("events")]
    assert len(events) == 3
    for row in (row for table in events for row in table.values() if row["events"]):
        assert (row["recall"], row["median_delay_h"]) == (1.0, 0.0)
    normal = loud["normal hours by score"]
    assert [row["normal_hours"] for row in normal.values()] == [1.0] * 7
    assert not any(row["normal_hours"] for row in first.tables["normal hours by score"].values())
    assert first.weeks.min() >= (START + np.timedelta64(28, "D")).astype("datetime64[D]")


def test_the_baseline_scores_sites_it_has_not_seen_from_their_own_past() -> None:
    homes = [made_home(f"h{i}", 60, i) for i in range(3)]
    baseline = fit_hour_of_week_mad(MemoryReadings(homes[:2]), 2.0)
    strange = homes[2].channels["mains"].copy()
    strange[1300] = 50_000.0
    site = SiteReadings("h2", START, 3600, {"mains": strange})
    at = np.flatnonzero(~np.isnan(strange))
    at = at[at >= 1000]
    scores, alerts = baseline.score(site, at)
    assert alerts[at == 1300].all()
    assert scores[at == 1300] > np.quantile(scores, 0.99)
