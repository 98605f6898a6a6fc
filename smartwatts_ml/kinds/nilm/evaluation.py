"""Scores of predictors on sub-metered readings, all on the same samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.nilm.metrics import STATS, confusion, statistics
from smartwatts_ml.kinds.nilm.predictors import NilmPredictor
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings
from smartwatts_ml.readings.localtime import hour_of_week
from smartwatts_ml.scores.scores import Scores, Table
from smartwatts_ml.scores.targets import HOUR_BANDS, TargetIndex

__all__ = ["evaluate"]

CONTEXT_SAMPLES = 1024
"""Mains before the scored part that predictors may look at."""
THURSDAY_EPOCH_DAYS = 3
"""1970-01-01 was a Thursday: this many days after a Monday."""


def evaluate(
    predictors: Mapping[str, NilmPredictor],
    readings: Readings,
    period_s: int,
    thresholds: Mapping[str, float],
) -> dict[str, Scores]:
    """Score each predictor by site and week, for every appliance that ``thresholds`` (W)
    names. An appliance that a predictor does not know counts as 0 W."""
    channels = tuple(sorted(thresholds))
    limits = np.array([thresholds[name] for name in channels])
    rows: dict[str, list[list[np.ndarray]]] = {name: [] for name in predictors}
    mistaken = {name: np.zeros((len(channels) + 1, len(channels) + 1)) for name in predictors}
    sites: list[str] = []
    weeks: list[np.datetime64] = []
    targets = TargetIndex()
    for site in readings.iterate(period_s):
        truth = _truth(site, channels)
        if not np.isfinite(truth).any():
            continue
        estimates = {
            name: _aligned(predictor, site, channels) for name, predictor in predictors.items()
        }
        for name, estimate in estimates.items():
            mistaken[name] += confusion(truth, estimate, limits)
        targets.add(site.site, site.start, np.arange(len(site)), truth)
        monday, band = _mondays(site), hour_of_week(site.times, site.timezone) % 24 // 6
        for week in np.unique(monday[np.isfinite(truth).any(axis=1)]):
            chosen = monday == week
            sites.append(site.site)
            weeks.append(week)
            for name, estimate in estimates.items():
                rows[name].append(
                    [
                        _block(truth[part], estimate[part], limits)
                        for part in (chosen & (band == i) for i in range(len(HOUR_BANDS)))
                    ]
                )
    if not sites:
        raise NotEnoughReadingsError("no sub-metered site has readings to judge with")
    by_band = {name: np.array(blocks) for name, blocks in rows.items()}
    return {
        name: Scores(
            channels,
            STATS,
            np.array(sites),
            np.array(weeks),
            blocks.sum(1),
            bands={hours: blocks[:, i] for i, hours in enumerate(HOUR_BANDS)},
            targets=targets.hexdigest(),
            tables=_mistaken_table(mistaken[name] * period_s / 3600, channels),
        )
        for name, blocks in by_band.items()
    }


def _mistaken_table(hours: np.ndarray, channels: tuple[str, ...]) -> dict[str, Table]:
    """Hours by what ran (rows) and what was said to run instead (columns)."""
    return {
        "hours mistaken, ran ↓ said →": {
            ran: dict(zip((*channels, "nothing"), row.tolist(), strict=True))
            for ran, row in zip((*channels, "nothing"), hours, strict=True)
        }
    }


def _truth(site: SiteReadings, channels: tuple[str, ...]) -> np.ndarray:
    """W, shape (n, n_channels); NaN where it, or mains, is missing or may not be scored."""
    truth = np.full((len(site), len(channels)), np.nan)
    if MAINS not in site.channels:
        return truth
    for k, name in enumerate(channels):
        if name in site.channels:
            truth[:, k] = site.channels[name]
    truth[~np.isfinite(site.channels[MAINS])] = np.nan
    truth[: site.score_index] = np.nan
    return truth


def _aligned(predictor: NilmPredictor, site: SiteReadings, channels: tuple[str, ...]) -> np.ndarray:
    """The predictor's power for ``channels``; those before the scored part stay 0."""
    from_sample = max(site.score_index - CONTEXT_SAMPLES, 0)
    power = predictor.power(site.channels[MAINS][from_sample:])
    estimate = np.zeros((len(site), len(channels)))
    for k, name in enumerate(channels):
        if name in predictor.appliances:
            estimate[from_sample:, k] = power[:, predictor.appliances.index(name)]
    return estimate


def _mondays(site: SiteReadings) -> np.ndarray:
    days = site.times.astype("datetime64[D]").astype(int)
    return (days - (days + THURSDAY_EPOCH_DAYS) % 7).astype("datetime64[D]")


def _block(truth: np.ndarray, estimate: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Statistics of one week, shape (n_channels, n_stats)."""
    known = np.isfinite(truth)
    return np.stack(
        [
            statistics(truth[known[:, k], k], estimate[known[:, k], k], limits[k])
            for k in range(truth.shape[1])
        ]
    )
