"""What the days of a site look like, for drift: the same for every kind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings

__all__ = ["Histograms", "day_features", "histograms"]

HOUR_S = 3600
MOST_SITES = 100
"""Sites that are looked at; more are chosen by a hash of their names."""
FINE_BINS = 64
WATTS = np.concatenate([[-np.inf, 0.0], np.geomspace(1.0, 100_000.0, FINE_BINS - 1), [np.inf]])
SHARES = np.concatenate([[-np.inf], np.linspace(0.0, 1.0, FINE_BINS + 1)[1:-1], [np.inf]])
EVENING = slice(17, 22)
UNITS = {"level": "W", "base": "W", "peak": "W", "change": "W", "evening": "", "missing": ""}
"""Features of a day of mains: mean, tenth percentile, maximum, mean change from hour to
hour, share of the energy that falls into UTC hours 17 to 21, share of hours missing."""


@dataclass(frozen=True)
class Histograms:
    """How often a feature had which value: counts by fine bin, and the median."""

    unit: str
    counts: tuple[int, ...]
    median: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read what ``to_json`` wrote."""
        return cls(value["unit"], tuple(value["counts"]), value["median"])


def day_features(site: SiteReadings) -> dict[str, np.ndarray]:
    """Features of each whole UTC day of mains, shape (n_days,); other channels give their
    daily mean, as ``<channel> level``. A day without readings counts as missing alone."""
    days = _days(site)
    found: dict[str, np.ndarray] = {}
    for channel, hours in days.items():
        known = np.isfinite(hours)
        some = known.any(1)
        filled = hours[some]
        if channel != MAINS:
            found[f"{channel} level"] = np.nanmean(filled, 1) if some.any() else np.empty(0)
            continue
        found["missing"] = 1.0 - known.mean(1)
        if some.any():
            level = np.nanmean(filled, 1)
            found |= {
                "level": level,
                "base": np.nanquantile(filled, 0.1, axis=1),
                "peak": np.nanmax(filled, 1),
                "change": np.nan_to_num(np.abs(np.diff(filled, axis=1))).mean(1),
                "evening": np.nansum(filled[:, EVENING], 1)
                / np.maximum(np.nansum(np.abs(filled), 1), 1e-9),
            }
    return found


def _days(site: SiteReadings) -> dict[str, np.ndarray]:
    """Hourly W of whole days from ``score_from`` on, shape (n_days, 24)."""
    begin = site.start if site.score_from is None else max(site.start, site.score_from)
    midnight = -(-begin.astype("datetime64[h]").astype(int) // 24)
    first = site.index(midnight.astype("datetime64[D]").astype("datetime64[s]"))
    count = (len(site) - first) // 24
    return {
        name: values[first : first + 24 * count].reshape(count, 24).astype(np.float64)
        for name, values in site.channels.items()
    }


def histograms(readings: Readings, channels: tuple[str, ...] | None) -> dict[str, Histograms]:
    """Every feature over the days of all sites, or of many of them."""
    parts: dict[str, list[np.ndarray]] = {}
    for name in _chosen(span.site for span in readings.spans()):
        site = readings.load(name, HOUR_S, channels)
        if len(site):
            for feature, values in day_features(site).items():
                parts.setdefault(feature, []).append(values)
    return {
        feature: _histogram(feature, np.concatenate(values))
        for feature, values in sorted(parts.items())
        if sum(map(len, values))
    }


def _chosen(sites: Iterable[str]) -> list[str]:
    return sorted(sites, key=lambda site: hashlib.sha256(site.encode()).hexdigest())[:MOST_SITES]


def _histogram(feature: str, values: np.ndarray) -> Histograms:
    unit = UNITS.get(feature, "W")
    counts, _ = np.histogram(values, WATTS if unit else SHARES)
    return Histograms(unit, tuple(int(c) for c in counts), float(np.median(values)))
