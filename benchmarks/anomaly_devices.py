"""Devices of the labelled sets: first halves to train on, and the hours that are scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smartwatts_ml.kinds.anomaly.windows import mains_of
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, device_id
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.holdout import Split, training_part
from smartwatts_ml.settings import Settings

__all__ = ["SPLITS", "Device", "load"]

SPLITS = {"homes": "anomaly_fontana17", "buildings": "anomaly_cambridge26"}


@dataclass(frozen=True)
class Device:
    """A device with the hours that are scored, their truth, and its events' hours."""

    site: SiteReadings
    at: np.ndarray
    truth: np.ndarray
    cut: int
    events: tuple[tuple[str, int, int], ...]


def load(data: Path, split: str) -> tuple[Readings, list[Device]]:
    """First halves to train on, and devices to score."""
    folder = data / SPLITS[split]
    readings = FileReadings(
        [folder / "readings_labelled.csv.gz"],
        Settings(check_mains=False),  # some are buildings
    )
    stamps = {"devices": ["test_start"], "events": ["start", "end"], "ignore": ["start", "end"]}
    side = {
        name: pd.read_csv(folder / f"readings_labelled.{name}.csv", parse_dates=columns)
        for name, columns in stamps.items()
    }
    cuts = side["devices"].set_index("device_id").test_start
    devices = [_device(site, side, cuts) for site in readings.iterate(3600, (MAINS,), local=True)]
    starts = {d.site.site: d.site.times[d.cut] for d in devices}
    halves = Split(
        holdout_start=starts,
        held_out_sites=frozenset(),
        judged_sites=frozenset(starts),
        embargo=np.timedelta64(0, "s"),
        digest="halves",
    )
    return training_part(readings, halves), devices


def _device(site: SiteReadings, side: Mapping[str, pd.DataFrame], cuts: Any) -> Device:
    name = device_id(site.site, MAINS)

    def index(stamp: Any) -> int:
        return int((np.datetime64(stamp, "s") - site.start) // np.timedelta64(3600, "s"))

    def of_device(table: pd.DataFrame) -> Any:
        known = table[table.device_id.isin((name, site.site))]
        return known.itertuples()

    cut = index(cuts[name] if name in cuts.index else cuts[site.site])
    marks = site.anomaly > 0 if site.anomaly is not None else np.zeros(len(site), bool)
    scored = ~np.isnan(mains_of(site))
    scored[:cut] = False
    for row in of_device(side["ignore"]):
        part = slice(index(row.start), index(row.end) + 1)
        scored[part] &= marks[part]
    at = np.flatnonzero(scored)
    events = [(e.type, index(e.start), index(e.end) + 1) for e in of_device(side["events"])]
    kept = tuple(e for e in events if scored[e[1] : e[2]].any())
    return Device(replace(site, anomaly=None), at, marks[at], cut, kept)
