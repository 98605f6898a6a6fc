"""Every system scored on the same hours: those that labels mark, or injected anomalies."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.anomaly.injection import Event, inject
from smartwatts_ml.kinds.anomaly.metrics import (
    BINS,
    COUNTS,
    STATS,
    false_alerts,
    score_bins,
    vus_pr,
)
from smartwatts_ml.kinds.anomaly.tables import Seen, event_tables, reliability
from smartwatts_ml.kinds.anomaly.windows import hours_of_week, mains_of
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings
from smartwatts_ml.readings.run_lengths import true_runs
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.scores.targets import HOUR_BANDS, TargetIndex

__all__ = ["Judged", "Scorer", "evaluate", "judged_sites"]

DAYS_PER_EVENT = 7
STREAM = 0x5EED  # keeps the injections of judging apart from those of training
MONDAY = np.datetime64("1969-12-29", "D")  # the Monday before the epoch
WEEK = np.timedelta64(7, "D")


class Scorer(Protocol):
    """A system that scores hours of a site, each from readings up to that hour only."""

    def score(self, site: SiteReadings, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores in 0..1 and alerts of the hours ``at``, shape (len(at),) each."""


@dataclass(frozen=True)
class Judged:
    """Hours to judge: ``at`` (indices of present readings), ``truth`` (bool), alike. Of each
    of ``events``, how much it changes, as a share of the site's mean power: ``changes``."""

    site: SiteReadings
    at: np.ndarray
    truth: np.ndarray
    events: tuple[Event, ...] = ()
    changes: tuple[float, ...] = ()


def evaluate(systems: Mapping[str, Scorer], readings: Readings, seed: int) -> dict[str, Scores]:
    """Score all systems; labels are used if any reading to be scored carries one."""
    labelled = _has_labels(readings)
    blocks: dict[str, list[np.ndarray]] = {name: [] for name in systems}
    volumes: dict[str, list[float]] = {name: [] for name in systems}
    seen: dict[str, list[Seen]] = {name: [] for name in systems}
    sites: list[np.ndarray] = []
    weeks: list[np.ndarray] = []
    targets = TargetIndex()
    for judged in judged_sites(readings, seed, labelled):
        site = judged.site
        mondays, week = np.unique(_mondays(judged.site.times[judged.at]), return_inverse=True)
        band = hours_of_week(judged.site)[judged.at].astype(int) % 24 // 6
        truth = np.stack([judged.truth, mains_of(judged.site)[judged.at]])
        targets.add(site.site, site.start, judged.at, truth)
        sites.append(np.full(len(mondays), site.site))
        weeks.append(mondays)
        for name, system in systems.items():
            score, alert = system.score(judged.site, judged.at)
            score = np.nan_to_num(score, nan=0.0)
            block = week * len(HOUR_BANDS) + band
            count = len(mondays) * len(HOUR_BANDS)
            sums = _block_sums(judged, score, alert.astype(bool), block, count)
            blocks[name].append(sums.reshape(len(mondays), len(HOUR_BANDS), len(STATS)))
            seen[name] += _seen(judged, alert.astype(bool))
            if judged.truth.any():
                volumes[name].append(vus_pr(judged.truth, score))
    if not sites or not any(volumes.values()):
        raise NotEnoughReadingsError("no hour, or no anomaly, to judge the anomaly model on")
    notes = (_note(labelled),)
    by_band = {name: np.concatenate(blocks[name]) for name in systems}
    return {
        name: Scores(
            channels=(MAINS,),
            stats=STATS,
            sites=np.concatenate(sites),
            weeks=np.concatenate(weeks),
            sums=by_band[name].sum(1)[:, None, :],
            bands={band: by_band[name][:, None, i] for i, band in enumerate(HOUR_BANDS)},
            targets=targets.hexdigest(),
            extra={"vus_pr": float(np.mean(volumes[name]))},
            notes=notes,
            tables={
                **event_tables(seen[name]),
                "normal hours by score": reliability(*_whole_and_bands(by_band[name])),
            },
        )
        for name in systems
    }


def judged_sites(readings: Readings, seed: int, labelled: bool | None = None) -> Iterator[Judged]:
    """Every site that has hours to judge, with its labels or with injected anomalies;
    ``labelled`` None looks whether there are labels."""
    marked = _has_labels(readings) if labelled is None else labelled
    for site in readings.iterate(3600, (MAINS,)):
        judged = _from_labels(site) if marked else _from_injection(site, seed)
        if judged.at.size:
            yield judged


def _note(labelled: bool) -> str:
    if labelled:
        return "judged by the labels of the readings (column anomaly)"
    return (
        "judged by seeded injection into held-out readings: about one anomaly in "
        f"{DAYS_PER_EVENT} days a site, of seven types; hours soon after one count as normal, "
        "and score higher than in a home where nothing is wrong"
    )


def _has_labels(readings: Readings) -> bool:
    """Whether any hour that may be scored is marked; reads until the first such site."""
    return any(
        site.anomaly is not None and bool(site.anomaly[site.score_index :].any())
        for site in readings.iterate(3600, (MAINS,))
    )


def _present(site: SiteReadings) -> np.ndarray:
    at = np.flatnonzero(~np.isnan(mains_of(site)))
    return at[at >= site.score_index]


def _from_labels(site: SiteReadings) -> Judged:
    at = _present(site)
    marks = np.zeros(len(site), np.uint8) if site.anomaly is None else site.anomaly
    return Judged(site, at, marks[at] > 0)


def _from_injection(site: SiteReadings, seed: int) -> Judged:
    """The same site with anomalies in its scored part; what is injected follows from the
    seed, the site's name and its readings alone."""
    at = _present(site)
    allowed = np.zeros(len(site), bool)
    allowed[at] = True
    values = mains_of(site)
    injected = inject(
        values,
        hours_of_week(site),
        allowed,
        (seed, STREAM, zlib.crc32(site.site.encode())),
        count=max(1, round(len(at) / (24 * DAYS_PER_EVENT))),
    )
    changed = replace(site, channels={**site.channels, MAINS: injected.values})
    usual = max(float(np.abs(values[at]).mean()), 1.0) if at.size else 1.0
    apart = np.abs(injected.values - values)
    changes = tuple(
        float(np.nanmean(apart[event.start : event.start + event.hours])) / usual
        for event in injected.events
    )
    return Judged(changed, at, injected.codes[at] > 0, injected.events, changes)


def _seen(judged: Judged, alert: np.ndarray) -> list[Seen]:
    found = []
    for event, change in zip(judged.events, judged.changes, strict=True):
        first, last = np.searchsorted(judged.at, (event.start, event.start + event.hours))
        hits = judged.at[first:last][alert[first:last]]
        found.append(Seen(event, change, int(hits[0]) - event.start if hits.size else None))
    return found


def _whole_and_bands(by_band: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """From statistics of shape (n_weeks, n_bands, n_stats): all of them, and each band's."""
    return by_band.sum(axis=1), {name: by_band[:, i] for i, name in enumerate(HOUR_BANDS)}


def _mondays(times: np.ndarray) -> np.ndarray:
    days = times.astype("datetime64[D]")
    return days - (days - MONDAY) % WEEK


def _block_sums(
    judged: Judged, score: np.ndarray, alert: np.ndarray, block: np.ndarray, count: int
) -> np.ndarray:
    """Statistics by block of hours, shape (count, n_stats); an event or an alert belongs to
    the block in which it starts."""
    truth, at = judged.truth, judged.at
    sums = np.zeros((count, len(STATS)))

    def add(stat: str, rows: np.ndarray, amount: np.ndarray | float = 1.0) -> None:
        np.add.at(sums[:, COUNTS.index(stat)], block[rows], amount)

    add("tp", np.flatnonzero(alert & truth))
    add("fp", np.flatnonzero(alert & ~truth))
    add("fn", np.flatnonzero(~alert & truth))
    add("tn", np.flatnonzero(~alert & ~truth))
    add("normal_hours", np.flatnonzero(~truth))
    first, end = true_runs(truth)
    hits = np.r_[0, np.cumsum(alert)]
    add("events", first)
    add("events_hit", first, (hits[end] > hits[first]).astype(float))
    starts, counts = false_alerts(alert & ~truth, truth, at)
    add("false_alerts", starts, counts)
    bins = score_bins(score) + np.where(truth, len(COUNTS), len(COUNTS) + BINS)
    np.add.at(sums, (block, bins), 1.0)
    return sums
