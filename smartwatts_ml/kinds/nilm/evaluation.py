"""Scores of predictors on sub-metered readings, all on the same samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.nilm.metrics import STATS, confusion, statistics
from smartwatts_ml.kinds.nilm.predictors import NilmPredictor
from smartwatts_ml.localtime import hour_of_week, local_days
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, coarser_mains
from smartwatts_ml.scores.scores import Scores, Table
from smartwatts_ml.scores.sheet import Blocks, Sheet

__all__ = ["evaluate"]

_CONTEXT_SAMPLES = 1024
"""Mains before the scored part that predictors may look at."""


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
    sheet = Sheet(predictors, channels, STATS)
    mistaken = {name: np.zeros((len(channels) + 1, len(channels) + 1)) for name in predictors}
    for site in readings.iterate(period_s):
        truth = _truth(site, channels)
        scored = np.isfinite(truth).any(axis=1)
        if not scored.any():
            continue
        sheet.add_targets(site.site, site.start, np.arange(len(site)), truth)
        wall = site.wall[scored]
        blocks = sheet.add_site(site.site, local_days(wall), hour_of_week(wall))
        for name, predictor in predictors.items():
            estimate = _aligned(predictor, site, channels)
            mistaken[name] += confusion(truth, estimate, limits)
            sheet.add(name, _sums(truth[scored], estimate[scored], limits, blocks))
    if not sheet:
        coarser = coarser_mains(readings.spans(), period_s)
        clause = f", every {period_s} s or finer: {coarser}" if coarser else ""
        raise NotEnoughReadingsError(f"no sub-metered site has readings to judge with{clause}")
    return {
        name: sheet.scores(name, tables=_mistaken_table(counts * period_s / 3600, channels))
        for name, counts in mistaken.items()
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
    from_sample = max(site.score_index - _CONTEXT_SAMPLES, 0)
    power = predictor.power(site.channels[MAINS][from_sample:])
    estimate = np.zeros((len(site), len(channels)))
    for k, name in enumerate(channels):
        if name in predictor.appliances:
            estimate[from_sample:, k] = power[:, predictor.appliances.index(name)]
    return estimate


def _sums(
    truth: np.ndarray, estimate: np.ndarray, limits: np.ndarray, blocks: Blocks
) -> np.ndarray:
    """Statistics by block, shape (n_blocks, n_channels, n_stats)."""
    sums = np.zeros((blocks.count, len(limits), len(STATS)))
    for block, rows in enumerate(blocks.rows()):
        for k, limit in enumerate(limits):
            known = rows[np.isfinite(truth[rows, k])]
            sums[block, k] = statistics(truth[known, k], estimate[known, k], limit)
    return sums
