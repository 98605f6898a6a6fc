"""The gate's holdout: the newest period of each site, and whole sites never trained on.

Which readings are held out follows from the snapshot and the settings alone, so the
training of a run and every judgement in it agree without handing anything over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smartwatts_ml.readings.base import Readings, SiteReadings, SiteSpan
from smartwatts_ml.settings import HoldoutSettings

__all__ = ["HoldoutReadings", "Split", "TrainingReadings", "hold_out_later", "make_split"]

DAY = np.timedelta64(86_400, "s")


@dataclass(frozen=True)
class Split:
    """Where each site's holdout starts.

    ``holdout_start`` maps a site to the first instant (datetime64[s], UTC) that is held
    out; ``embargo`` seconds before it are in neither part; ``held_out_sites`` are never
    trained on; ``judged_sites`` are scored, all of them unless there are very many.
    ``digest`` names the split in decisions and manifests.
    """

    holdout_start: dict[str, np.datetime64]
    held_out_sites: frozenset[str]
    judged_sites: frozenset[str]
    embargo: np.timedelta64
    digest: str


def make_split(
    spans: Sequence[SiteSpan], holdout: HoldoutSettings, *, embargo_s: int, least_s: int = 0
) -> Split:
    """Hold out the newest share of each site (``least_s`` at least), and of enough sites some
    whole, picked by a stable hash. Of sites seen and never seen alike as many are judged as
    come to ``holdout.max_sites`` in all."""
    least = np.timedelta64(least_s, "s")
    starts = {}
    for span in spans:
        length = max((span.end - span.start) * holdout.share, holdout.days * DAY, least)
        start = span.end - np.timedelta64(int(length / np.timedelta64(1, "s")), "s")
        starts[span.site] = start.astype("datetime64[D]").astype("datetime64[s]")
    ranked = sorted((span.site for span in spans), key=_stable_hash)
    few = len(spans) < holdout.min_sites
    unseen = 0 if few else max(1, round(holdout.site_share * len(ranked)))
    held_out = frozenset(ranked[:unseen])
    first = round(unseen * min(holdout.max_sites / max(len(ranked), 1), 1.0))
    judged = frozenset([*ranked[:first], *ranked[unseen : unseen + holdout.max_sites - first]])
    ends = {span.site: span.end for span in spans}
    parts = sorted((site, str(start), str(ends[site])) for site, start in starts.items())
    text = repr(parts) + repr(sorted(held_out)) + repr(sorted(judged))
    return Split(
        holdout_start=starts,
        held_out_sites=held_out,
        judged_sites=judged,
        embargo=np.timedelta64(embargo_s, "s"),
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def hold_out_later(split: Split, starts: Mapping[str, np.datetime64]) -> Split:
    """The same split, but nothing is scored before ``starts`` of a site: what a champion
    had been trained on. Training ends where it ended."""
    later = {
        site: max(start, starts.get(site, start)) for site, start in split.holdout_start.items()
    }
    return replace(split, holdout_start=later)


def _stable_hash(site: str) -> str:
    return hashlib.sha256(site.encode()).hexdigest()


class TrainingReadings(Readings):
    """What may be trained on: before each holdout, less the embargo, no held-out site."""

    def __init__(self, readings: Readings, split: Split) -> None:
        self._readings = readings
        self._split = split

    def _end(self, site: str) -> np.datetime64:
        return self._split.holdout_start[site] - self._split.embargo

    def spans(self) -> tuple[SiteSpan, ...]:
        return tuple(
            replace(span, end=min(span.end, self._end(span.site)))
            for span in self._readings.spans()
            if span.site not in self._split.held_out_sites and self._end(span.site) > span.start
        )

    def load(self, site: str, period_s: int, channels: Sequence[str] | None = None) -> SiteReadings:
        return self._readings.load(site, period_s, channels).between(None, self._end(site))


class HoldoutReadings(Readings):
    """What a challenger is judged on. Readings before ``score_from`` are context only."""

    def __init__(self, readings: Readings, split: Split) -> None:
        self._readings = readings
        self._split = split

    def spans(self) -> tuple[SiteSpan, ...]:
        judged = self._split.judged_sites
        return tuple(span for span in self._readings.spans() if span.site in judged)

    def load(self, site: str, period_s: int, channels: Sequence[str] | None = None) -> SiteReadings:
        loaded = self._readings.load(site, period_s, channels)
        return replace(loaded, score_from=self._split.holdout_start[site])
