"""Predictions as frames: power, activations, energy by day."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from smartwatts_ml.kinds.nilm.base_load import base_loads
from smartwatts_ml.kinds.nilm.layout import ACTIVATION, BASE_LOAD, OTHER
from smartwatts_ml.kinds.nilm.predictors import NetworkPredictor
from smartwatts_ml.localtime import local_days
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, device_id
from smartwatts_ml.readings.run_lengths import true_runs

__all__ = ["predict"]

_HOUR_S = 3600
_KWH_W_S = 3.6e6


def predict(
    predictor: NetworkPredictor,
    readings: Readings,
    *,
    activations: bool = False,
    energy: bool = False,
) -> Iterator[pd.DataFrame]:
    """A frame for each site that has mains: its power, or its activations, or its energy."""
    frame = _activation_frame if activations else _energy_frame if energy else _power_frame
    for site in readings.iterate(predictor.details.period_s, (MAINS,)):
        if MAINS not in site.channels or not np.isfinite(site.channels[MAINS]).any():
            continue
        yield frame(predictor, site, predictor.power(site.channels[MAINS]))


def _power_frame(
    predictor: NetworkPredictor, site: SiteReadings, power: np.ndarray
) -> pd.DataFrame:
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


def _activation_frame(
    predictor: NetworkPredictor, site: SiteReadings, power: np.ndarray
) -> pd.DataFrame:
    """Each activation: from its start to its end (exclusive), its energy, and its mean
    power over the samples that have mains. Sorted by start."""
    step = np.timedelta64(site.period_s, "s")
    rows = []
    for k, name in enumerate(predictor.appliances):
        drawn = power[:, k]
        pause = predictor.details.durations[name].pause_s / site.period_s
        threshold = predictor.details.on_thresholds_w[name]
        for first, end in zip(*true_runs(drawn > 0, pause=pause), strict=True):
            part = drawn[first:end]
            if np.nanmax(part) < threshold:
                continue
            energy = np.nansum(part) * site.period_s / _KWH_W_S
            start = site.start + first * step
            rows.append(
                (site.site, name, start, start + (end - first) * step, energy, np.nanmean(part))
            )
    frame = pd.DataFrame(rows, columns=list(ACTIVATION))
    for name in ("start", "end"):
        frame[name] = frame[name].astype("datetime64[s]")
    return frame.sort_values(["start", "appliance"], kind="stable", ignore_index=True)


def _energy_frame(
    predictor: NetworkPredictor, site: SiteReadings, power: np.ndarray
) -> pd.DataFrame:
    """Energy of every appliance, of the base load and of everything else, on each local day.

    They add up to the energy that mains measured in ``measured_h`` hours of that day, in whole
    samples; nothing is made up for those that are missing. Where nothing tells the base load
    (``base_loads``) there is no row of it: it is part of ``other``.
    """
    mains = site.channels[MAINS]
    known = np.isfinite(mains)
    mains, power = mains[known], power[known]
    days, day_of = np.unique(local_days(site.wall[known]), return_inverse=True)
    rest = mains - power.sum(axis=1)
    base = base_loads(rest, mains, site.times[known], day_of, site.period_s)
    drawn = np.column_stack([power, rest])
    energy = np.zeros((len(days), drawn.shape[1]))
    np.add.at(energy, day_of, drawn * site.period_s / _KWH_W_S)
    hours = np.bincount(day_of) * site.period_s / _HOUR_S
    at_all_hours = base * hours / 1000
    energy[:, -1] -= np.nan_to_num(at_all_hours)
    names = (*predictor.appliances, BASE_LOAD, OTHER)
    frame = pd.DataFrame(
        {
            "site": site.site,
            "appliance": np.tile(names, len(days)),
            "day": np.repeat(days.astype(str), len(names)),
            "energy_kwh": np.insert(energy, -1, at_all_hours, axis=1).ravel(),
            "measured_h": np.repeat(hours, len(names)),
        }
    )
    untold = (frame["appliance"] == BASE_LOAD) & frame["energy_kwh"].isna()
    return frame[~untold].reset_index(drop=True)
