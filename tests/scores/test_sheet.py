"""What an evaluation adds up is all there, in the blocks in which it happened."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.scores.sheet import HOUR_BANDS, Sheet

START = np.datetime64("2026-11-22T00:00:00")  # a Sunday
Sites = dict[str, list[int]]
hours_of_sites: Any = st.dictionaries(
    st.sampled_from("abc"), st.lists(st.integers(0, 900), min_size=1, max_size=60), min_size=1
)


def filled(sites: Sites, truth: float = 1.0) -> Scores:
    """A reading of 1 W at each of these hours after the start; the second statistic is the
    hour itself."""
    sheet = Sheet(["model"], ("mains",), ("n", "hour"))
    for site, hours in sites.items():
        at = np.array(hours)
        times = START + at * np.timedelta64(1, "h")
        sheet.add_targets(site, START, at, np.full(len(at), truth))
        blocks = sheet.add_site(site, times.astype("datetime64[D]"), at)
        sheet.add("model", blocks.sums(np.stack([np.ones(len(at)), at], 1)))
    return sheet.scores("model")


@given(hours_of_sites)
def test_every_reading_is_in_one_week_and_one_band_of_its_site(sites: Sites) -> None:
    scores = filled(sites)
    assert scores.sums.shape == (len(scores.sites), 1, 2)
    np.testing.assert_allclose(sum(scores.bands.values()), scores.sums)
    expected = [[len(sites[site]), sum(sites[site])] for site in sorted(sites)]
    np.testing.assert_allclose(site_sums(scores)[:, 0], expected)
    for site, week, row in zip(scores.sites, scores.weeks, scores.sums[:, 0], strict=True):
        inside = [h for h in sites[site] if week <= START + np.timedelta64(h, "h") < week + 7]
        assert row.tolist() == [len(inside), sum(inside)]
    for band, name in enumerate(HOUR_BANDS):
        hours = [h for listed in sites.values() for h in listed if h % 24 // 6 == band]
        assert scores.bands[name][:, 0, 0].sum() == len(hours)


@given(hours_of_sites)
def test_the_rows_of_blocks_are_those_that_their_sums_add(sites: Sites) -> None:
    sheet = Sheet(["model"], ("mains",), ("n",))
    at = np.array(next(iter(sites.values())))
    blocks = sheet.add_site("a", (START + at * np.timedelta64(1, "h")).astype("M8[D]"), at)
    values = at.astype(float) ** 2
    rows = blocks.rows()
    assert len(rows) == blocks.count
    np.testing.assert_allclose([values[part].sum() for part in rows], blocks.sums(values))


def test_weeks_begin_on_monday() -> None:
    scores = filled({"a": [0, 24, 24 * 7, 24 * 8]})
    assert scores.weeks.astype(str).tolist() == ["2026-11-16", "2026-11-23", "2026-11-30"]
    assert scores.sums[:, 0, 0].tolist() == [1, 2, 1]


def test_other_readings_or_another_truth_have_another_digest() -> None:
    digests = [filled(sites).targets for sites in ({"a": [0, 1]}, {"a": [0, 2]}, {"b": [0, 1]})]
    assert len({*digests, filled({"a": [0, 1]}, truth=2.0).targets}) == 4
    assert filled({"a": [0, 1]}).targets == digests[0]


def test_an_empty_sheet_is_false() -> None:
    assert not Sheet(["model"], ("mains",), ("n",))
