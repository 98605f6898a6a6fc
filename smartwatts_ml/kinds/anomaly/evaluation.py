"""Every system scored on the same hours: those that labels mark, or injected anomalies."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.anomaly.answered import answered_alerts
from smartwatts_ml.kinds.anomaly.exam import examine
from smartwatts_ml.kinds.anomaly.injection import Event
from smartwatts_ml.kinds.anomaly.metrics import (
    BINS,
    COUNTS,
    STATS,
    false_alerts,
    score_bins,
    vus_pr,
)
from smartwatts_ml.kinds.anomaly.scorer import Scorer
from smartwatts_ml.kinds.anomaly.tables import EventAlert, event_tables, reliability
from smartwatts_ml.kinds.anomaly.windows import hours_of_week, mains_of
from smartwatts_ml.localtime import local_days
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings
from smartwatts_ml.readings.run_lengths import true_runs
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.scores.sheet import Blocks, Sheet

__all__ = ["Judged", "evaluate", "judged_sites"]

_DAYS_PER_EVENT = 7
_ENOUGH_EVENTS = 84  # of seven types: fewer homes are examined several times
_MOST_EXAMS = 48


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
    exams = 1 if labelled else _exams(readings)
    sheet = Sheet(systems, (MAINS,), STATS)
    volumes: dict[str, list[float]] = {name: [] for name in systems}
    events: dict[str, list[EventAlert]] = {name: [] for name in systems}
    for site_exams in _examined(readings, seed, labelled, exams):
        site, at = site_exams[0].site, site_exams[0].at
        days, hours = local_days(site.wall[at]), hours_of_week(site)[at]
        blocks = sheet.add_site(site.site, days, hours)
        sums = dict.fromkeys(systems, np.zeros((blocks.count, len(STATS))))
        for judged in site_exams:
            seen = np.stack([judged.truth, mains_of(judged.site)[at]])
            sheet.add_targets(site.site, site.start, at, seen)
            for name, system in systems.items():
                score, alert = system.score(judged.site, at)
                alert = alert.astype(bool)
                sums[name] = sums[name] + _block_sums(judged, score, alert, blocks)
                events[name] += _event_alerts(judged, score, alert)
                first = judged is site_exams[0]  # it takes long, and one says enough
                if judged.truth.any() and (first or not np.isfinite(score).all()):
                    volumes[name].append(_volume(judged.truth, score))
        for name in systems:
            sheet.add(name, sums[name])
    if not any(volumes.values()):
        raise NotEnoughReadingsError("no hour, or no anomaly, to judge the anomaly model on")
    answers = answered_alerts(systems, readings)
    return {
        name: _with_tables(
            sheet.scores(
                name,
                extra={
                    "vus_pr": float(np.mean(volumes[name])),
                    **(answers[name].metrics() if name in answers else {}),
                },
                notes=(_note(labelled), *((answers[name].note,) if name in answers else ())),
            ),
            events[name],
        )
        for name in systems
    }


def _with_tables(scores: Scores, events: Sequence[EventAlert]) -> Scores:
    normal = {"normal hours by score": reliability(scores.sums, scores.bands)}
    return replace(scores, tables={**event_tables(events, scores.sums), **normal})


def judged_sites(readings: Readings, seed: int) -> Iterator[Judged]:
    """Every site that has hours to judge, with its labels or with injected anomalies."""
    for exams in _examined(readings, seed, _has_labels(readings), 1):
        yield exams[0]


def _examined(readings: Readings, seed: int, labelled: bool, exams: int) -> Iterator[list[Judged]]:
    """The same, so many times with other anomalies in the same hours."""
    for site in readings.iterate(3600, (MAINS,), local=True):
        if _present(site).size:
            yield (
                [_from_labels(site)]
                if labelled
                else [_from_exam(site, seed, exam) for exam in range(exams)]
            )


def _exams(readings: Readings) -> int:
    """How often each site is examined: once, unless all of them hold too few events."""
    hours = 0
    for site in readings.iterate(3600, (MAINS,), local=True):
        hours += _present(site).size
        if hours >= _ENOUGH_EVENTS * _DAYS_PER_EVENT * 24:
            return 1
    wanted = _ENOUGH_EVENTS * _DAYS_PER_EVENT * 24 / max(hours, 1)
    return min(math.ceil(wanted), _MOST_EXAMS)


def _note(labelled: bool) -> str:
    if labelled:
        return "judged by the labels of the readings (column anomaly)"
    return (
        "judged by seeded injection into held-out readings, by another generator than that of "
        "training: about one anomaly in "
        f"{_DAYS_PER_EVENT} days a site, of seven types; hours soon after one count as normal, "
        "and score higher than in a home where nothing is wrong"
    )


def _has_labels(readings: Readings) -> bool:
    """Whether any hour that may be scored is marked; reads until the first such site."""
    return any(
        site.anomaly is not None and bool(site.anomaly[site.score_index :].any())
        for site in readings.iterate(3600, (MAINS,), local=True)
    )


def _present(site: SiteReadings) -> np.ndarray:
    at = np.flatnonzero(~np.isnan(mains_of(site)))
    return at[at >= site.score_index]


def _from_labels(site: SiteReadings) -> Judged:
    at = _present(site)
    marks = np.zeros(len(site), np.uint8) if site.anomaly is None else site.anomaly
    return Judged(site, at, marks[at] > 0)


def _from_exam(site: SiteReadings, seed: int, exam: int = 0) -> Judged:
    """The same site with anomalies in its scored part; what is injected follows from the
    seed, the exam's number, the site's name and its readings alone."""
    at = _present(site)
    allowed = np.zeros(len(site), bool)
    allowed[at] = True
    values = mains_of(site)
    injected = examine(
        values,
        hours_of_week(site),
        allowed,
        (seed, exam, zlib.crc32(site.site.encode())),
        count=max(1, round(len(at) / (24 * _DAYS_PER_EVENT))),
    )
    changed = replace(site, channels={**site.channels, MAINS: injected.values})
    usual = max(float(np.abs(values[at]).mean()), 1.0) if at.size else 1.0
    apart = np.abs(injected.values - values)
    changes = tuple(
        float(np.nanmean(apart[event.start : event.start + event.hours])) / usual
        for event in injected.events
    )
    return Judged(changed, at, injected.codes[at] > 0, injected.events, changes)


def _event_alerts(judged: Judged, score: np.ndarray, alert: np.ndarray) -> list[EventAlert]:
    """When each injected event was first alerted of, and how its hours were scored."""
    alerts = []
    for event, change in zip(judged.events, judged.changes, strict=True):
        first, last = np.searchsorted(judged.at, (event.start, event.start + event.hours))
        hits = judged.at[first:last][alert[first:last]]
        delay = int(hits[0]) - event.start if hits.size else None
        alerts.append(EventAlert(event, change, delay, _histogram(score[first:last])))
    return alerts


def _histogram(score: np.ndarray) -> np.ndarray:
    """Hours by score, shape (BINS,); NaN where one is not finite."""
    if not np.isfinite(score).all():
        return np.full(BINS, np.nan)
    return np.bincount(score_bins(score), minlength=BINS).astype(float)


def _volume(truth: np.ndarray, score: np.ndarray) -> float:
    return vus_pr(truth, score) if np.isfinite(score).all() else float("nan")


def _block_sums(judged: Judged, score: np.ndarray, alert: np.ndarray, blocks: Blocks) -> np.ndarray:
    """Statistics by block of hours, shape (n_blocks, n_stats); an event or an alert belongs to
    the block in which it starts. Of a block with a score that is not finite all are NaN."""
    truth, block = judged.truth, blocks.index
    sums = np.zeros((blocks.count, len(STATS)))
    broken = ~np.isfinite(score)

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
    starts, counts = false_alerts(alert & ~truth, truth, judged.at)
    add("false_alerts", starts, counts)
    bins = score_bins(np.where(broken, 0.0, score)) + np.where(
        truth, len(COUNTS), len(COUNTS) + BINS
    )
    np.add.at(sums, (block, bins), 1.0)
    sums[block[broken]] = np.nan
    return sums
