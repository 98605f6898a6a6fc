"""What a run's report shows of forecasts: a typical and a bad week, and error by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.charts import Band, Chart, Line, Panel, Role
from smartwatts_ml.kinds.forecasting.evaluation import backtest_origins
from smartwatts_ml.kinds.forecasting.predictors import Forecaster
from smartwatts_ml.kinds.forecasting.series import CHANNELS, HOUR_S, Series, to_series
from smartwatts_ml.readings.base import MAINS, Readings

__all__ = ["charts"]

MOST_SITES = 20
WEEK = 168
SHOWN: tuple[Role, ...] = ("challenger", "champion")
MOST_STEPS = 168


@dataclass(frozen=True)
class _Week:
    """Forecasts that cover a week of a site: W by hour, and the share that was wrong."""

    site: str
    start: str
    truth: np.ndarray
    quantiles: Mapping[Role, np.ndarray]
    error: float


def charts(
    horizon: int, predictors: Mapping[str, Forecaster], readings: Readings
) -> tuple[Chart, ...]:
    """Fans of the median and of the worst of all weeks, and error by hour ahead."""
    weeks: list[_Week] = []
    wrong: dict[str, list[np.ndarray]] = {name: [] for name in predictors}
    size: list[np.ndarray] = []
    for loaded in readings.iterate(HOUR_S, CHANNELS):
        if MAINS not in loaded.channels or len(size) >= MOST_SITES:
            continue
        series = to_series(loaded)
        score_index = None if loaded.score_from is None else loaded.score_index
        origins = backtest_origins(series, score_index, horizon)
        if not len(origins):
            continue
        truth = series.power[origins[:, None] + np.arange(horizon)].astype(np.float64)
        made = {name: p.forecast(series, origins) for name, p in predictors.items()}
        for name, quantiles in made.items():
            wrong[name].append(np.abs(truth - quantiles[:, :, 1]))
        size.append(np.abs(truth))
        times = loaded.times
        weeks += _weeks(series, times, origins, made, horizon)
    if not size:
        return ()
    return (_fans(weeks), _by_step(wrong, np.concatenate(size), horizon))


def _weeks(
    series: Series,
    times: np.ndarray,
    origins: np.ndarray,
    made: Mapping[str, np.ndarray],
    horizon: int,
) -> list[_Week]:
    """A long forecast's first week, or short ones end to end."""
    joined = max(WEEK // horizon, 1)
    shown = {name: made[name] for name in SHOWN if name in made}
    found = []
    for first in range(0, len(origins) - joined + 1, joined):
        rows = slice(first, first + joined)
        if joined > 1 and np.any(np.diff(origins[rows]) != horizon):
            continue
        begin = int(origins[first])
        length = min(joined * horizon, WEEK)
        truth = series.power[begin : begin + length].astype(np.float64)
        if np.isfinite(truth).mean() < 0.9:
            continue
        fans = {name: q[rows].reshape(-1, 3)[:length] for name, q in shown.items()}
        miss = np.nansum(np.abs(truth - fans["challenger"][:, 1]))
        error = float(miss / max(np.nansum(np.abs(truth)), 1.0))
        found.append(_Week(series.site, str(times[begin])[:10], truth, fans, error))
    return found


def _fans(weeks: list[_Week]) -> Chart:
    ranked = sorted(weeks, key=lambda week: week.error)
    panels = []
    if ranked:
        chosen = (("typical", ranked[len(ranked) // 2]), ("bad", ranked[-1]))
        panels = [_fan(word, week) for word, week in chosen]
    caption = "True power, the challenger's P50 with P10 to P90 as an area, the champion's P50."
    return Chart("A typical and a bad week", caption, tuple(panels))


def _fan(word: str, week: _Week) -> Panel:
    fan = week.quantiles["challenger"]
    lines = [Line("true", "truth", _plain(week.truth))]
    lines += [
        Line(f"{name} P50", name, _plain(week.quantiles[name][:, 1]))
        for name in SHOWN
        if name in week.quantiles
    ]
    return Panel(
        f"{word}: {week.site} from {week.start}, error {week.error:.0%}",
        "hours",
        "W",
        [float(i) for i in range(len(week.truth))],
        tuple(lines),
        (Band("challenger P10–P90", "challenger", _plain(fan[:, 0]), _plain(fan[:, 2])),),
    )


def _by_step(wrong: Mapping[str, list[np.ndarray]], size: np.ndarray, horizon: int) -> Chart:
    """Absolute error by hour ahead, as a share of the mean power of that hour."""
    step = max(horizon // MOST_STEPS, 1)
    mean = np.nanmean(size, 0)
    lines = []
    for name, parts in wrong.items():
        share = np.nanmean(np.concatenate(parts), 0) / np.maximum(mean, 1.0)
        role: Role = "challenger" if name == "challenger" else "baseline"
        role = "champion" if name == "champion" else role
        lines.append(Line(name, role, _plain(share[::step])))
    steps = [float(i + 1) for i in range(0, horizon, step)]
    drawn = Panel("mean absolute error by hour ahead", "hours ahead", "share", steps, tuple(lines))
    return Chart("Error by step", "As a share of the mean power; lower is better.", (drawn,))


def _plain(values: np.ndarray) -> list[float | None]:
    return [round(float(v), 4) if np.isfinite(v) else None for v in values]
