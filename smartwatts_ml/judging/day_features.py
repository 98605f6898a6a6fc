"""What the days of a site look like, for drift: the same for every kind."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from smartwatts_ml.gate.drift import Histogram
from smartwatts_ml.localtime import hour_of_week
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings

__all__ = ["day_histograms"]

_HOUR_S = 3600
_MOST_SITES = 100
"""Sites that are looked at; more are chosen by a hash of their names."""
_FINE_BINS = 64
_WATTS = np.concatenate([[-np.inf, 0.0], np.geomspace(1.0, 100_000.0, _FINE_BINS - 1), [np.inf]])
_SHARES = np.concatenate([[-np.inf], np.linspace(0.0, 1.0, _FINE_BINS + 1)[1:-1], [np.inf]])
_EVENING = slice(17, 22)
_UNITS = {"level": "W", "base": "W", "peak": "W", "change": "W", "local evening": "", "missing": ""}
"""Features of a day of mains: mean, tenth percentile, maximum, mean change from hour to
hour, share of the energy that falls into hours 17 to 21, share of hours missing."""


def _day_features(site: SiteReadings) -> dict[str, np.ndarray]:
    """Features of each whole day of mains, on the site's clock, shape (n_days,); other channels
    give their daily mean, as ``<channel> level``. A day without readings counts as missing
    alone."""
    days = _days(site)
    features: dict[str, np.ndarray] = {}
    for channel, hours in days.items():
        known = np.isfinite(hours)
        some = known.any(1)
        filled = hours[some]
        if channel != MAINS:
            features[f"{channel} level"] = np.nanmean(filled, 1) if some.any() else np.empty(0)
            continue
        features["missing"] = 1.0 - known.mean(1)
        if some.any():
            level = np.nanmean(filled, 1)
            features |= {
                "level": level,
                "base": _tenth(filled),
                "peak": np.nanmax(filled, 1),
                "change": np.nan_to_num(np.abs(np.diff(filled, axis=1))).mean(1),
                "local evening": np.nansum(filled[:, _EVENING], 1)
                / np.maximum(np.nansum(np.abs(filled), 1), 1e-9),
            }
    return features


def _tenth(hours: np.ndarray) -> np.ndarray:
    """Tenth percentile of each day, shape (n_days,). Whole days are most, and told at once."""
    base = np.quantile(hours, 0.1, axis=1)
    holed = np.isnan(hours).any(1)
    base[holed] = np.nanquantile(hours[holed], 0.1, axis=1)
    return np.asarray(base)


def _days(site: SiteReadings) -> dict[str, np.ndarray]:
    """Hourly W of whole days from ``score_from`` on, shape (n_days, 24)."""
    first = site.score_index
    first += int(-hour_of_week(site.wall[first : first + 1]).sum() % 24)
    count = max(len(site) - first, 0) // 24
    return {
        name: values[first : first + 24 * count].reshape(count, 24).astype(np.float64)
        for name, values in site.channels.items()
    }


def day_histograms(readings: Readings, channels: tuple[str, ...] | None) -> dict[str, Histogram]:
    """Every feature over the days of all sites, or of many of them."""
    parts: dict[str, list[np.ndarray]] = {}
    for name in _chosen(span.site for span in readings.spans()):
        site = readings.load(name, _HOUR_S, channels, local=True)
        if len(site):
            for feature, values in _day_features(site).items():
                parts.setdefault(feature, []).append(values)
    return {
        feature: _histogram(feature, np.concatenate(values))
        for feature, values in sorted(parts.items())
        if sum(map(len, values))
    }


def _chosen(sites: Iterable[str]) -> list[str]:
    return sorted(sites, key=lambda site: sha256_of(site.encode()))[:_MOST_SITES]


def _histogram(feature: str, values: np.ndarray) -> Histogram:
    unit = _UNITS.get(feature, "W")
    counts, _ = np.histogram(values, _WATTS if unit else _SHARES)
    return Histogram(unit, tuple(int(c) for c in counts), float(np.median(values)))
