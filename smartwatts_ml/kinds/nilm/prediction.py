"""Predictions as frames: power, activations, energy by day; and inputs to check a file with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from smartwatts_ml.kinds.base import Details
from smartwatts_ml.kinds.nilm.predictors import NetworkPredictor
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, device_id
from smartwatts_ml.readings.localtime import local_days
from smartwatts_ml.readings.run_lengths import true_runs

__all__ = ["OTHER", "activation_frame", "energy_frame", "power_frame", "predict", "sample_inputs"]

OTHER = "other"
"""What mains draws beyond the appliances that the model knows."""
HOUR_S = 3600
KWH_W_S = 3.6e6

Framed = Callable[[NetworkPredictor, SiteReadings, np.ndarray], pd.DataFrame]


def predict(
    predictor: NetworkPredictor, readings: Readings, framed: Framed
) -> Iterator[pd.DataFrame]:
    """A frame for each site that has mains, as ``framed`` makes it from W of every
    appliance, shape (n, n_appliances)."""
    for site in readings.iterate(predictor.details["period_s"], (MAINS,)):
        if MAINS not in site.channels or not np.isfinite(site.channels[MAINS]).any():
            continue
        yield framed(predictor, site, predictor.power(site.channels[MAINS]))


def power_frame(predictor: NetworkPredictor, site: SiteReadings, power: np.ndarray) -> pd.DataFrame:
    """W of every appliance, for each sample that has mains."""
    known = np.isfinite(site.channels[MAINS])
    stamps, count = site.times[known], len(predictor.appliances)
    names = [device_id(site.site, name) for name in predictor.appliances]
    return pd.DataFrame(
        {
            "timestamp": np.tile(stamps, count),
            "consumption": power[known].T.ravel(),
            "device_id": np.repeat(names, len(stamps)),
        }
    )


def activation_frame(
    predictor: NetworkPredictor, site: SiteReadings, power: np.ndarray
) -> pd.DataFrame:
    """Each activation: from its start to its end (exclusive), its energy, and its mean
    power over the samples that have mains. Sorted by start."""
    step = np.timedelta64(site.period_s, "s")
    rows = []
    for k, name in enumerate(predictor.appliances):
        drawn = power[:, k]
        pause = predictor.durations[name].pause_s / site.period_s
        threshold = predictor.details["on_thresholds_w"][name]
        for first, end in zip(*true_runs(drawn > 0, pause=pause), strict=True):
            part = drawn[first:end]
            if np.nanmax(part) < threshold:
                continue
            energy = np.nansum(part) * site.period_s / KWH_W_S
            start = site.start + first * step
            rows.append(
                (site.site, name, start, start + (end - first) * step, energy, np.nanmean(part))
            )
    columns = ("site", "appliance", "start", "end", "energy_kwh", "mean_w")
    frame = pd.DataFrame(rows, columns=list(columns))
    for name in ("start", "end"):
        frame[name] = frame[name].astype("datetime64[s]")
    return frame.sort_values(["start", "appliance"], kind="stable", ignore_index=True)


def energy_frame(
    predictor: NetworkPredictor, site: SiteReadings, power: np.ndarray
) -> pd.DataFrame:
    """Energy of every appliance, and of everything else, on each local day.

    Appliances and ``other`` add up to the energy that mains measured in ``measured_h``
    hours of that day; nothing is made up for the hours that are missing.
    """
    mains = site.channels[MAINS]
    known = np.isfinite(mains)
    days, day_of = np.unique(local_days(site.times[known], site.timezone), return_inverse=True)
    drawn = np.column_stack([power[known], mains[known] - power[known].sum(axis=1)])
    energy = np.zeros((len(days), drawn.shape[1]))
    np.add.at(energy, day_of, drawn * site.period_s / KWH_W_S)
    names = (*predictor.appliances, OTHER)
    hours = np.bincount(day_of) * site.period_s / HOUR_S
    return pd.DataFrame(
        {
            "site": site.site,
            "appliance": np.tile(names, len(days)),
            "day": np.repeat(days.astype(str), len(names)),
            "energy_kwh": energy.ravel(),
            "measured_h": np.repeat(hours, len(names)),
        }
    )


def sample_inputs(details: Details, count: int, seed: int) -> dict[str, np.ndarray]:
    """Windows of mains: a base load, a fridge, a few large loads, noise, some missing."""
    rng = np.random.default_rng(seed)
    window = details["window"]
    mains = rng.uniform(50, 400, (count, 1)) + rng.normal(0, 10, (count, window))
    minutes = np.arange(window) * details["period_s"] / 60
    phase, cycle = rng.uniform(0, 60, (count, 1)), rng.uniform(30, 70, (count, 1))
    mains += 90 * ((minutes + phase) % cycle < 0.4 * cycle)
    for row in mains:
        for _ in range(rng.integers(1, 6)):
            start, length = rng.integers(0, window), rng.integers(2, max(window // 6, 3))
            row[start : start + length] += rng.uniform(100, 2800)
        if rng.random() < 0.3:
            start = rng.integers(0, window)
            row[start : start + rng.integers(1, max(window // 4, 2))] = np.nan
    return {"mains_w": mains[..., None].astype(np.float32)}
