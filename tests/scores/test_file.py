"""What a run keeps of scores is what a judgement needs of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smartwatts_ml.scores.file import pack_scores, unpack_scores
from smartwatts_ml.scores.scores import Scores

SCORES = Scores(
    channels=("kettle", "fridge"),
    stats=("n", "error"),
    sites=np.array(["a", "a", "b"]),
    weeks=np.array(["2026-11-16", "2026-11-23", "2026-11-23"], "datetime64[D]"),
    sums=np.arange(12.0).reshape(3, 2, 2),
    bands={"00–06 h": np.ones((3, 2, 2)), "06–12 h": np.zeros((3, 2, 2))},
    targets="a digest",
    extra={"vus_pr": float("nan")},
    notes=("a note",),
    tables={"events": {"spike": {"recall": 0.5}}},
    record={"by_site": [1, 2]},
)


def test_scores_come_back_as_they_were_but_for_tables_and_records() -> None:
    systems = {"challenger": SCORES, "champion": replace(SCORES, sums=SCORES.sums + 1, bands={})}
    unpacked = unpack_scores(pack_scores(systems))
    assert list(unpacked) == list(systems)
    for name, scores in unpacked.items():
        expected = systems[name]
        assert (scores.channels, scores.stats) == (expected.channels, expected.stats)
        assert (scores.targets, scores.notes) == (expected.targets, expected.notes)
        assert scores.weeks.dtype == expected.weeks.dtype
        for array in ("sites", "weeks", "sums"):
            assert np.array_equal(getattr(scores, array), getattr(expected, array))
        assert list(scores.bands) == list(expected.bands)
        for band, sums in scores.bands.items():
            assert np.array_equal(sums, expected.bands[band])
        assert np.isnan(scores.extra["vus_pr"])
        assert not scores.tables and not scores.record
