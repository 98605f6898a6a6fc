"""What a forecast is measured by: sums for each block of hours, and metrics from sums.

Sums can be added over weeks and sites, so the gate's bootstrap costs an addition. Each
metric is taken for each site and then averaged over sites, so that every home counts
alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smartwatts_ml.scores.ratios import mean_of_defined, ratio

__all__ = [
    "FLOOR_W",
    "QUANTILES",
    "STATS",
    "WEEK_HOURS",
    "headline",
    "measure",
    "measure_hours",
    "metrics_of",
    "naive_error",
    "naive_errors",
]

QUANTILES = (0.1, 0.5, 0.9)
_DAY_HOURS, WEEK_HOURS = 24, 168
_SEASONS = {"24h": _DAY_HOURS, "168h": WEEK_HOURS}
"""What MASE measures in: the error of the value of so many hours before."""
FLOOR_W = 50.0
"""Hours with less power than this are left out of MAPE, and counted."""
STATS = (
    "n",
    "abs_error",
    "abs_truth",
    "truth",
    "sq_error",
    "pinball_10",
    "pinball_50",
    "pinball_90",
    "covered",
    "width",
    "ape_sum",
    "ape_n",
    "ape_excluded",
    *(f"{part}_{season}" for season in _SEASONS for part in ("scaled_error", "scale")),
)


def _pinball(truth: np.ndarray, forecast: np.ndarray, level: float) -> np.ndarray:
    """Pinball loss, W: too low a forecast costs ``level`` a watt, too high 1 - ``level``.

    >>> _pinball(np.array([100.0, 100.0]), np.array([90.0, 110.0]), 0.9)
    array([9., 1.])
    """
    error = truth - forecast
    return np.maximum(level * error, (level - 1) * error)


def naive_error(past: np.ndarray, season: int = WEEK_HOURS) -> float:
    """Mean absolute error of the value of ``season`` hours before, W. NaN if unknown.

    >>> naive_error(np.array([100.0] * 168 + [110.0] * 168))
    10.0
    """
    error = np.abs(past[season:].astype(np.float64) - past[:-season])
    known = error[np.isfinite(error)]
    return float(known.mean()) if len(known) else float("nan")


def naive_errors(past: np.ndarray) -> tuple[float, ...]:
    """``naive_error`` of each of ``_SEASONS``, over a site's training period."""
    return tuple(naive_error(past, hours) for hours in _SEASONS.values())


def measure(
    truth: np.ndarray, quantiles: np.ndarray, naive_w: float | Sequence[float]
) -> np.ndarray:
    """Sums over the known hours of one block, shape (n_stats,).

    ``truth`` (…), W, NaN where missing; ``quantiles`` (…, 3), W; ``naive_w``: what
    ``naive_errors`` gives, one number for all seasons alike.
    """
    hours = measure_hours(truth, quantiles, naive_w)
    return np.asarray(hours.reshape(-1, len(STATS)).sum(0))


def measure_hours(
    truth: np.ndarray, quantiles: np.ndarray, naive_w: float | Sequence[float]
) -> np.ndarray:
    """The same hour by hour, 0 where missing, shape (…, n_stats)."""
    known = np.isfinite(truth)
    y = np.where(known, truth, 0.0).astype(np.float64)
    q = quantiles.astype(np.float64)
    error = np.abs(y - q[..., 1])
    size = np.abs(y)
    large = size >= FLOOR_W
    stats = np.stack(
        [
            np.ones_like(y),
            error,
            size,
            y,
            error**2,
            *(_pinball(y, q[..., i], level) for i, level in enumerate(QUANTILES)),
            (q[..., 0] <= y) & (y <= q[..., 2]),
            q[..., 2] - q[..., 0],
            np.where(large, error / np.where(large, size, 1.0), 0.0),
            large,
            ~large,
            *(
                part
                for naive in np.broadcast_to(naive_w, len(_SEASONS))
                for part in _scaled(error, naive)
            ),
        ],
        -1,
    )
    return np.where(known[..., None], stats, 0.0)


def _scaled(error: np.ndarray, naive_w: float) -> tuple[np.ndarray, np.ndarray]:
    """Error and scale of each hour; 0 where there is no error to measure in."""
    if not np.isfinite(naive_w) or naive_w <= 0:
        return np.zeros_like(error), np.zeros_like(error)
    return error, np.full_like(error, naive_w)


def headline(sums: np.ndarray) -> dict[str, float]:
    """Metrics from sums of shape (n_sites, n_days, n_stats), days of the horizon: means over
    sites.

    Lower is better for all but ``coverage_80``, which should be 0.8. ``wape``, ``mape``,
    ``nrmse``, ``wql`` and ``width_80`` are shares, the others W, but for ``mase_24h`` and
    ``mase_168h``: the mean absolute error as a multiple of that of yesterday's and of last
    week's value in the training period (Hyndman and Koehler 2006).

    >>> truth = np.array([100.0, 200.0, 40.0, 60.0])
    >>> forecast = np.array([[90.0, 110, 120], [150, 180, 190], [45, 40, 70], [50, 90, 100]])
    >>> metrics = headline(measure(truth, forecast, (20.0, 10.0))[None, None])
    >>> {name: round(value, 4) for name, value in metrics.items()}
    ... # doctest: +NORMALIZE_WHITESPACE
    {'wape': 0.15, 'mape': 0.2333, 'rmse_w': 18.7083, 'mase_24h': 0.75, 'mase_168h': 1.5,
     'nrmse': 0.1871, 'wql': 0.0992, 'coverage_80': 0.5, 'pinball_w': 4.9583, 'width_80': 0.3625}
    """
    return {name: mean_of_defined(values) for name, values in metrics_of(sums.sum(1)).items()}


def metrics_of(sums: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics of ``headline`` of each row of sums (n, n_stats), shape (n,); NaN where
    one is undefined."""
    s = dict(zip(STATS, sums.T, strict=True))
    rmse = np.sqrt(ratio(s["sq_error"], s["n"]))
    losses = (s["pinball_10"] + s["pinball_50"] + s["pinball_90"]) / 3
    return {
        "wape": ratio(s["abs_error"], s["abs_truth"]),
        "mape": ratio(s["ape_sum"], s["ape_n"]),
        "rmse_w": rmse,
        **{
            f"mase_{season}": ratio(s[f"scaled_error_{season}"], s[f"scale_{season}"])
            for season in _SEASONS
        },
        "nrmse": ratio(rmse, ratio(s["truth"], s["n"])),
        "wql": ratio(2 * losses, s["abs_truth"]),
        "coverage_80": ratio(s["covered"], s["n"]),
        "pinball_w": ratio(losses, s["n"]),
        "width_80": ratio(s["width"], s["truth"]),
    }
