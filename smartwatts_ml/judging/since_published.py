"""Two published versions on readings that came after: nobody can have trained on those."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from smartwatts_ml.errors import BadInputError, NotEnoughReadingsError, NotFoundError
from smartwatts_ml.gate.evidence import relative
from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.modelfiles.networks import load_network
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.holdout import SelectedReadings, Split, holdout_part
from smartwatts_ml.readings.table.table import newest_readings
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Manifest, Store

__all__ = ["differences_since"]

_READING_WINDOWS = (1, 4)
"""Whole weeks after the publication over which a site is compared; it counts when they are over."""
_KEPT_BYTES = 64 << 20
_WEEK = np.timedelta64(7, "D")
_OURS, _THEIRS = "ours", "theirs"
_NOTHING = [np.zeros(0) for _ in _READING_WINDOWS]


def differences_since(
    objects: Objects,
    settings: Settings,
    store: Store,
    versions: tuple[Manifest, Manifest],
    since: datetime,
    seed: int = 0,
) -> list[np.ndarray]:
    """Differences of the relative losses of the first version and the second, > 0 where the first
    is worse: for each window an array with a value for each site. Empty where readings do not reach
    so far, or one of the files cannot be used any more.

    The loss is the first criterion of the kind, or what is missing to 1 of one that is better
    higher.
    """
    kind, spec = find_model(versions[0].model)
    readings, _ = newest_readings(objects, settings)
    start = np.datetime64(since.replace(tzinfo=None), "D") + 1
    first = start - (start.astype(np.int64) + 3) % 7  # the Monday of that week
    needed = (first + 2 * _WEEK).astype("datetime64[s]")
    spans = [s for s in readings.spans() if kind.uses(spec, s) and s.end >= needed]
    chosen = _chosen(spans, settings.holdout.max_sites)
    if not chosen:
        return _NOTHING
    starts = {span.site: start.astype("datetime64[s]") for span in chosen}
    split = Split(starts, frozenset(), frozenset(starts), np.timedelta64(0, "s"), "")
    after = holdout_part(SelectedReadings(readings, chosen), split, _KEPT_BYTES)
    try:
        networks = [load_network(store.read_file(m), m.file) for m in versions]
        predictors = [kind.work.predictor(network) for network in networks]
        scores = kind.work.evaluate(
            kind.read_details(networks[0].details),
            dict(zip((_OURS, _THEIRS), predictors, strict=True)),
            after,
            seed,
        )
    except (BadInputError, NotEnoughReadingsError, NotFoundError):
        return _NOTHING
    ends = {span.site: span.end for span in chosen}
    return [_compared(kind, scores, ends, first, weeks) for weeks in _READING_WINDOWS]


def _chosen(spans: Sequence[SiteSpan], most: int) -> list[SiteSpan]:
    """Of very many sites those with the lowest hashes, in that order."""
    return sorted(spans, key=lambda span: hashlib.sha256(span.site.encode()).digest())[:most]


def _compared(
    kind: Kind,
    scores: Mapping[str, Scores],
    ends: Mapping[str, np.datetime64],
    first: np.datetime64,
    weeks: int,
) -> np.ndarray:
    """The week in which the version was published counts with the first whole one."""
    end = first + (weeks + 1) * _WEEK
    ours, theirs = scores[_OURS], scores[_THEIRS]
    differences = []
    for site in dict.fromkeys(ours.sites.tolist()):
        rows = (ours.sites == site) & (ours.weeks < end)
        if ends[site] >= end.astype("datetime64[s]") and rows.any():
            pair = [_loss(kind, sums[rows]) for sums in (ours.sums, theirs.sums)]
            differences.append(float(relative(np.array(pair[0]), np.array(pair[1]))))
    return np.array(differences, dtype=float)


def _loss(kind: Kind, sums: np.ndarray) -> float:
    criterion = kind.criteria[0]
    value = kind.work.headline(sums.sum(axis=0)[None])[criterion.metric]
    return value if criterion.better == "lower" else 1 - value
