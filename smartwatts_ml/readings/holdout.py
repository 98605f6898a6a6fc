"""The gate's holdout: the newest weeks of each site, and whole sites never trained on.

Which readings are held out follows from the snapshot and the settings alone, so the
training of a run and every judgement in it agree without handing anything over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

import numpy as np

from smartwatts_ml.readings.base import Readings, SiteReadings, SiteSpan
from smartwatts_ml.readings.labels import Label
from smartwatts_ml.settings import HoldoutSettings

__all__ = [
    "SelectedReadings",
    "Split",
    "hold_out_later",
    "holdout_part",
    "make_split",
    "training_part",
]

_DAY = np.timedelta64(86_400, "s")
_AHEAD = 20
"""One site of so many may have stamps of the future, and one of few sites."""

_Asked = tuple[str, int, tuple[str, ...] | None, bool]
"""Site, period, channels, whether on the wall clock."""


@dataclass(frozen=True)
class Split:
    """Where each site's holdout starts.

    ``holdout_start`` maps a site that still reports to the first instant (datetime64[s],
    UTC) that is held out; one that left has none, all of it may be trained on. ``embargo``
    seconds before it are in neither part; ``held_out_sites`` are never trained on;
    ``judged_sites`` are scored, all that still report unless there are very many.
    ``digest`` names the split in decisions and manifests. ``label_ends``: of sites that teach by
    labels alone, and are none of the others, until when (exclusive) they do.
    """

    holdout_start: dict[str, np.datetime64]
    held_out_sites: frozenset[str]
    judged_sites: frozenset[str]
    embargo: np.timedelta64
    digest: str
    label_ends: Mapping[str, np.datetime64] = field(default_factory=dict)

    def training_end(self, span: SiteSpan) -> np.datetime64:
        """Until when (exclusive) a site may be trained on, held-out sites aside."""
        start = self.holdout_start.get(span.site)
        return span.end if start is None else min(span.end, start - self.embargo)


def make_split(
    spans: Sequence[SiteSpan],
    holdout: HoldoutSettings,
    *,
    embargo_s: int,
    least_s: int = 0,
    labelled: Sequence[SiteSpan] = (),
) -> Split:
    """Hold out the newest weeks of each site that still reports, and of enough sites some
    whole.

    The newest share, within the bounds of the settings and ``least_s`` at least; where that is
    more than the longest holdout, so much longer, for one forecast of a month tells nothing of
    chance. A site still reports that ended within the longest holdout before the newest end that
    several have reached. Which sites are held out whole follows from their names alone, so it
    stays as sites come and go. Of sites seen and never seen alike as many are judged as come to
    ``holdout.max_sites`` in all. ``labelled``: other sites, which teach by labels alone: the
    newest weeks of each are held out as well, and nothing is judged on them.
    """
    needed, longest = np.timedelta64(least_s, "s"), holdout.max_days * _DAY
    least = max(holdout.days * _DAY, needed)
    most = least + longest if needed > longest else max(least, longest)

    def start_of(span: SiteSpan) -> np.datetime64:
        length = min(max((span.end - span.start) * holdout.share, least), most)
        start = span.end - np.timedelta64(int(length / np.timedelta64(1, "s")), "s")
        return np.datetime64(start.astype("datetime64[D]"), "s")

    reporting = _still_reporting(spans, most)
    starts = {span.site: start_of(span) for span in reporting}
    held_out = _never_trained_on([span.site for span in spans], holdout)
    judged = _judged([span.site for span in reporting], held_out, holdout.max_sites)
    ends = {span.site: span.end for span in reporting}
    parts = sorted((site, str(start), str(ends[site])) for site, start in starts.items())
    text = repr(parts) + repr(sorted(held_out)) + repr(sorted(judged))
    embargo = np.timedelta64(embargo_s, "s")
    return Split(
        holdout_start=starts,
        held_out_sites=held_out,
        judged_sites=judged,
        embargo=embargo,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        label_ends={span.site: start_of(span) - embargo for span in labelled},
    )


def _still_reporting(spans: Sequence[SiteSpan], most: np.timedelta64) -> list[SiteSpan]:
    """Those that did not end ``most`` or longer before the others; a few whose clocks run ahead
    do not make all others sites that left."""
    newest_first = sorted((span.end for span in spans), reverse=True)
    if not newest_first:
        return []
    ahead = min(max(len(spans) // _AHEAD, 1), len(spans) - 1)
    return [span for span in spans if span.end > newest_first[ahead] - most]


def _never_trained_on(sites: Sequence[str], holdout: HoldoutSettings) -> frozenset[str]:
    """Those whose hash lies in the share that is held out; at least one, at most a third."""
    if len(sites) < holdout.min_sites or not holdout.site_share:
        return frozenset()
    ranked = sorted(sites, key=_stable_hash)
    count = sum(_stable_hash(site) < holdout.site_share for site in ranked)
    return frozenset(ranked[: min(max(count, 1), len(ranked) // 3)])


def _judged(sites: Sequence[str], held_out: frozenset[str], most: int) -> frozenset[str]:
    """All, or of those seen and never seen alike as many as come to ``most``."""
    ranked = sorted(sites, key=_stable_hash)
    unseen = [site for site in ranked if site in held_out]
    seen = [site for site in ranked if site not in held_out]
    first = round(len(unseen) * min(most / max(len(ranked), 1), 1.0))
    return frozenset([*unseen[:first], *seen[: most - first]])


def hold_out_later(split: Split, starts: Mapping[str, np.datetime64]) -> Split:
    """The same split, but nothing is scored before ``starts`` of a site: what a champion
    had been trained on. Training ends where it ended."""
    later = {
        site: max(start, starts.get(site, start)) for site, start in split.holdout_start.items()
    }
    return replace(split, holdout_start=later)


def _stable_hash(site: str) -> float:
    """Where a name falls in [0, 1)."""
    return int.from_bytes(hashlib.sha256(site.encode()).digest()[:6], "big") / 2**48


class SelectedReadings(Readings):
    """Some sites of other readings, as one use may see them.

    ``spans``: those sites; ``ends``: the instant (exclusive) at which a site's readings end
    here; ``score_from``: from when on its intervals may be scored; ``labels``: those that this use
    may see. ``loaded_until`` is the latest end of an interval that was handed out, by site: what a
    training has really seen.

    Up to ``keep_bytes`` of loaded sites are kept for the next use. Of more than fit the first
    ones stay: all uses go through the sites in one order, in which a cache that drops what
    was used least lately never meets anything again. Kept arrays are read-only.
    """

    def __init__(
        self,
        readings: Readings,
        spans: Sequence[SiteSpan],
        *,
        ends: Mapping[str, np.datetime64] | None = None,
        score_from: Mapping[str, np.datetime64] | None = None,
        labels: Sequence[Label] = (),
        keep_bytes: int = 0,
    ) -> None:
        self._readings = readings
        self._spans = tuple(spans)
        self._labels = tuple(labels)
        self._ends = ends or {}
        self._score_from = score_from or {}
        self._room = keep_bytes
        self._kept: dict[_Asked, SiteReadings] = {}
        self._lock = Lock()
        self.loaded_until: dict[str, np.datetime64] = {}

    def spans(self) -> tuple[SiteSpan, ...]:
        return self._spans

    def timezone(self, site: str) -> str:
        return self._readings.timezone(site)

    def labels(self) -> tuple[Label, ...]:
        return self._labels

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        asked = (site, period_s, None if channels is None else tuple(channels), local)
        loaded = self._kept.get(asked)
        if loaded is None:
            loaded = self._readings.load(site, period_s, channels, local=local)
            if site in self._ends:
                loaded = loaded.between(None, self._ends[site])
            if site in self._score_from:
                loaded = replace(loaded, score_from=self._score_from[site])
            self._keep(asked, loaded)
        if len(loaded):
            end = loaded.end.astype("datetime64[s]")
            self.loaded_until[site] = (
                max(end, self.loaded_until[site]) if site in self.loaded_until else end
            )
        return loaded

    def _keep(self, asked: _Asked, loaded: SiteReadings) -> None:
        arrays = [*loaded.channels.values()]
        if loaded.anomaly is not None:
            arrays.append(loaded.anomaly)
        size = sum(array.nbytes for array in arrays)
        with self._lock:
            if size > self._room or asked in self._kept:
                return
            self._room -= size
            self._kept[asked] = loaded
        for array in arrays:
            array.flags.writeable = False


def training_part(readings: Readings, split: Split) -> SelectedReadings:
    """What may be trained on: before each holdout, less the embargo, no held-out site; of a
    site that left, everything."""
    spans = [
        replace(span, end=split.training_end(span))
        for span in readings.spans()
        if span.site not in split.held_out_sites and split.training_end(span) > span.start
    ]
    ends = {**split.label_ends, **{span.site: span.end for span in spans}}
    labels = [label for label in readings.labels() if _ends_before(label, ends)]
    return SelectedReadings(readings, spans, ends=ends, labels=labels)


def _ends_before(label: Label, ends: Mapping[str, np.datetime64]) -> bool:
    return label.site in ends and bool(label.end <= ends[label.site])


def holdout_part(readings: Readings, split: Split, keep_bytes: int = 0) -> SelectedReadings:
    """What a challenger is judged on. Readings before ``score_from`` are context only."""
    spans = [span for span in readings.spans() if span.site in split.judged_sites]
    starts = split.holdout_start
    labels = [
        label
        for label in readings.labels()
        if label.site in split.judged_sites and label.start >= starts[label.site]
    ]
    return SelectedReadings(
        readings, spans, score_from=starts, labels=labels, keep_bytes=keep_bytes
    )
