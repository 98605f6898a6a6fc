"""What a model was trained on, and which part of a holdout is therefore no test of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smartwatts_ml.counted import counted
from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.gate.drift import Histogram
from smartwatts_ml.gate.judgement import Instant
from smartwatts_ml.jsontext import json_text, parsed_document
from smartwatts_ml.judging.day_features import day_histograms
from smartwatts_ml.names import check_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.holdout import SelectedReadings, Split
from smartwatts_ml.runs.folders import MAX_RECORD_BYTES

__all__ = [
    "REFIT_TRAINED_ON",
    "TRAINED_ON",
    "TrainedOn",
    "changed_unit",
    "describe_training",
    "judged_key",
    "later_starts",
    "leaks",
    "left_out_sentence",
    "read_trained_on",
]

TRAINED_ON = "trained_on.json"
REFIT_TRAINED_ON = "refit_trained_on.json"
_SIZES = ("level", "peak", "change")
_OTHER_UNIT = 30.0
"""Neither season nor growth makes days so many times larger in every respect; kW for W, or
Wh a minute, does."""


@dataclass(frozen=True)
class TrainedOn:
    """Where the training of each site ended (exclusive, UTC), and what its days looked like.

    The model file holds ``summary``: the latest end, and the digest of all of it.
    """

    ends: Mapping[str, Instant]
    features: Mapping[str, Histogram]

    def to_bytes(self) -> bytes:
        """Canonical JSON, which the digest is of."""
        return json_text(self).encode()

    def summary(self) -> dict[str, str]:
        """What the model file says of it."""
        latest = max(self.ends.values(), default=None)
        return {
            "to": "" if latest is None else str(latest),
            "digest": sha256_of(self.to_bytes()),
        }


def describe_training(readings: SelectedReadings, channels: tuple[str, ...] | None) -> TrainedOn:
    """What a training was given: ends as it was seen to load, not as it was meant to."""
    return TrainedOn(dict(readings.loaded_until), day_histograms(readings, channels))


def leaks(split: Split, trained_on: TrainedOn | None, period_s: int) -> str:
    """What a challenger learned of its own holdout, as a clause; empty where nothing. One
    that nothing is known of fails too."""
    if trained_on is None or not trained_on.ends:
        return "what the challenger was trained on is not known"
    held_out = sorted(split.held_out_sites & trained_on.ends.keys())
    if held_out:
        # No names: the clause is signed where a person forces the model all the same.
        return f"the challenger was trained on {len(held_out)} of the sites that are held out"
    rounding = np.timedelta64(period_s, "s")
    late = [
        site
        for site, end in trained_on.ends.items()
        if site in split.holdout_start
        and end >= split.holdout_start[site] - split.embargo + rounding
    ]
    if not late:
        return ""
    return (
        f"the challenger was trained on the holdout, or too close before it, at {len(late)} of "
        f"{counted(len(trained_on.ends), 'site')}"
    )


def changed_unit(trained_on: TrainedOn | None, now: Mapping[str, Histogram]) -> str:
    """Whether training and holdout are told in different units, as a clause; empty where
    they are not. Scores need not show it: many networks do not mind the unit."""
    learned = trained_on.features if trained_on else {}
    sizes = [
        (learned[name].median, now[name].median)
        for name in _SIZES
        if name in learned and name in now and min(learned[name].median, now[name].median) > 0
    ]
    ratios = [after / before for before, after in sizes]
    if not ratios or not (min(ratios) > _OTHER_UNIT or max(ratios) < 1 / _OTHER_UNIT):
        return ""
    before, after = sizes[0]
    return (
        f"the unit of readings has changed: a day's mean is {before:.3g} W in training and "
        f"{after:.3g} W in the holdout (see `smartwatts readings quality`)"
    )


def judged_key(model: str, sha256: str, ending: str = "tflite") -> str:
    """Where a judged file is kept, or with another ``ending`` what is known of it."""
    return f"state/judged/{check_model(model)}/{sha256}.{ending}"


def read_trained_on(
    objects: Objects, model: str, details: Mapping[str, Any], sha256: str | None = None
) -> TrainedOn | None:
    """What a model file was trained on, from its run, or as it was kept for the file of that
    digest; None where that is gone, or is not what the file was made with."""
    summary, run_id = details.get("trained"), details.get("run_id")
    if not summary or not run_id:
        return None
    record = REFIT_TRAINED_ON if details.get("refit") else TRAINED_ON
    keys = [f"runs/{run_id}/{model}/{record}"]
    if sha256:
        keys.append(judged_key(model, sha256, TRAINED_ON))
    fix = "remove it: what the file was trained on is then not known"
    for key in keys:
        try:
            data = objects.read(key, MAX_RECORD_BYTES).data
        except NotFoundError:
            continue
        if sha256_of(data) == summary.get("digest"):
            return parsed_document(TrainedOn, data, objects.uri(key), fix)
    return None


def later_starts(
    split: Split,
    spans: Sequence[SiteSpan],
    details: Mapping[str, Any],
    trained_on: TrainedOn | None,
    snapshot_end: str,
    made: np.datetime64,
) -> dict[str, np.datetime64]:
    """Sites whose holdout must begin later for a champion, and when: the embargo after its
    training ended. Without a record of its sites, the latest end that its file names holds
    for all of them; without that, the end of the snapshot that it was made from. An end that is
    later than when it was ``made`` is of those sites alone that have come so far."""
    known = details.get("trained", {}).get("to") or snapshot_end.removesuffix("Z")
    latest = np.datetime64(known, "s") if known else None
    starts = {}
    for span in spans:
        begin = split.holdout_start.get(span.site)
        if trained_on is not None:
            end = trained_on.ends.get(span.site)
        else:
            end = latest if latest is None or span.end >= latest else min(latest, made)
        if begin is not None and end is not None and end > begin:
            starts[span.site] = end + split.embargo
    return starts


def left_out_sentence(
    starts: Mapping[str, np.datetime64], split: Split, spans: Sequence[SiteSpan]
) -> str:
    """How much of the holdout the champion had been trained on; empty where none."""
    if not starts:
        return ""
    day = np.timedelta64(1, "D")
    days = {
        span.site: (min(starts[span.site], span.end) - split.holdout_start[span.site]) / day
        for span in spans
        if span.site in starts
    }
    return (
        f"left out: the champion was trained later than the holdout's start at {len(days)} of "
        f"{counted(len(spans), 'site')}, {sum(days.values()):.1f} site-days with the embargo"
    )
