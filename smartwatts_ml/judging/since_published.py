"""Two published versions on readings that came after: what neither was trained on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from smartwatts_ml.errors import BadInputError, NotEnoughReadingsError
from smartwatts_ml.gate.evidence import relative
from smartwatts_ml.judging.age import made_at
from smartwatts_ml.judging.trained_on import later_starts, read_trained_on
from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.base import Kind, Network
from smartwatts_ml.modelfiles.networks import load_network
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.holdout import SelectedReadings, Split, holdout_part
from smartwatts_ml.readings.table.table import newest_readings
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Manifest, Store

__all__ = ["SincePublished", "since_published"]

_READING_WINDOWS = (1, 4)
"""Whole weeks after the publication over which a site is compared; it counts when they are over."""
_KEPT_BYTES = 64 << 20
_WEEK = np.timedelta64(7, "D")
_OURS, _THEIRS = "ours", "theirs"


@dataclass(frozen=True)
class SincePublished:
    """``differences`` of the relative losses of the first version and the second, > 0 where the
    first is worse: for each window an array with a value for each site. ``trouble``: why there
    are none although readings reach so far, as a clause."""

    differences: tuple[np.ndarray, ...] = tuple(np.zeros(0) for _ in _READING_WINDOWS)
    trouble: str = ""


def since_published(
    objects: Objects,
    settings: Settings,
    store: Store,
    versions: tuple[Manifest, Manifest],
    since: datetime,
    seed: int = 0,
) -> SincePublished:
    """Both versions on the readings of homes from the day after ``since`` on. A home whose readings
    of those days one of them was trained on says nothing: its clock runs ahead.

    The loss is the first criterion of the kind, or what is missing to 1 of one that is better
    higher. It is the worst where a prediction is not finite.
    """
    kind, spec = find_model(versions[0].model)
    readings, _ = newest_readings(objects, settings)
    start = np.datetime64(since.replace(tzinfo=None), "D") + 1
    first = start - (start.astype(np.int64) + 3) % 7  # the Monday of that week
    needed = (first + 2 * _WEEK).astype("datetime64[s]")
    spans = [s for s in readings.spans() if kind.uses(spec, s) and s.end >= needed]
    if not spans:
        return SincePublished()
    try:
        networks = [load_network(store.read_file(m), m.file) for m in versions]
        predictors = [kind.work.predictor(network) for network in networks]
        details = kind.read_details(networks[0].details)
        split = _from(start, spans)
        spans = _not_trained_on(objects, versions, networks, split, spans)
        chosen = _chosen(spans, settings.holdout.max_sites)
        after = holdout_part(SelectedReadings(readings, chosen), split, _KEPT_BYTES)
        pair = dict(zip((_OURS, _THEIRS), predictors, strict=True))
        scores = kind.work.evaluate(details, pair, after, seed)
    except NotEnoughReadingsError:
        return SincePublished()
    except BadInputError as error:
        return SincePublished(trouble=f"readings cannot compare them: {error}")
    ends = {span.site: span.end for span in chosen}
    return SincePublished(
        tuple(_compared(kind, scores, ends, first, weeks) for weeks in _READING_WINDOWS)
    )


def _from(start: np.datetime64, spans: Sequence[SiteSpan]) -> Split:
    """All of these sites, judged from one day on."""
    starts = {span.site: start.astype("datetime64[s]") for span in spans}
    return Split(starts, frozenset(), frozenset(starts), np.timedelta64(0, "s"), "")


def _not_trained_on(
    objects: Objects,
    versions: Sequence[Manifest],
    networks: Sequence[Network],
    split: Split,
    spans: Sequence[SiteSpan],
) -> list[SiteSpan]:
    learned: set[str] = set()
    for manifest, network in zip(versions, networks, strict=True):
        record = read_trained_on(objects, manifest.model, network.details, manifest.sha256)
        end = str(manifest.snapshot.get("to", ""))
        made = made_at(manifest)
        learned |= later_starts(split, spans, network.details, record, end, made).keys()
    return [span for span in spans if span.site not in learned]


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
            differences.append(_difference(*pair))
    return np.array(differences, dtype=float)


def _difference(ours: float, theirs: float) -> float:
    """NaN where the truth leaves both undefined."""
    if ours == theirs:  # without an error too
        return 0.0
    if math.isnan(ours) != math.isnan(theirs):
        return 1.0 if math.isnan(ours) else -1.0
    return float(relative(np.array(ours), np.array(theirs)))


def _loss(kind: Kind, sums: np.ndarray) -> float:
    criterion = kind.criteria[0]
    value = kind.work.headline(sums.sum(axis=0)[None])[criterion.metric]
    return value if criterion.better == "lower" else 1 - value
