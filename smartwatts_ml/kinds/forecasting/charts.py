"""What is drawn of forecasts: fans over what happened, and where in the horizon they err."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from smartwatts_ml.kinds.charts import (
    Band,
    Chart,
    Figure,
    Heatmap,
    Line,
    Panel,
    Role,
    Span,
    role_of,
    rounded,
)
from smartwatts_ml.kinds.forecasting.breakdown import BY_SITE_AND_HOUR
from smartwatts_ml.kinds.forecasting.evaluation import Backtest, make_backtest
from smartwatts_ml.kinds.forecasting.metrics import WEEK_HOURS, headline
from smartwatts_ml.kinds.forecasting.predictors import Forecaster
from smartwatts_ml.kinds.forecasting.series import CHANNELS, HOUR_S, Series
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.scores.scores import Scores

__all__ = ["charts", "figures"]

_MOST_SITES = 20
_SHOWN: tuple[Role, ...] = ("challenger", "champion")
_MOST_STEPS = 168
_RANKS = ("best", "median", "worst")
_LEAST_PAST_H = 72
_MOST_ROWS = 60


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
    errors: dict[str, list[np.ndarray]] = {name: [] for name in predictors}
    sizes: list[np.ndarray] = []
    for backtest in islice(_backtests(horizon, readings), _MOST_SITES):
        forecasts = {
            name: predictor.forecast(backtest.series, backtest.origins)
            for name, predictor in predictors.items()
        }
        truth = backtest.truth.astype(np.float64)
        for name, quantiles in forecasts.items():
            errors[name].append(np.abs(truth - quantiles[:, :, 1]))
        sizes.append(np.abs(truth))
        weeks += _weeks(backtest, forecasts, horizon)
    if not sizes:
        return ()
    return (_typical_and_bad(weeks), _by_step(errors, np.concatenate(sizes), horizon))


def figures(
    forecaster: Forecaster, readings: Readings, scores: Scores
) -> dict[str, Figure | Heatmap]:
    """``fan_charts``: the best, the median and the worst site at their middle origin.
    ``errors``: WAPE by site and hour ahead. Nothing where no site has a WAPE."""
    wape = {
        str(site): headline(sums[None])["wape"]
        for site, sums in zip(np.unique(scores.sites), site_sums(scores), strict=True)
    }
    ranked = sorted((site for site in wape if np.isfinite(wape[site])), key=wape.__getitem__)
    if not ranked:
        return {}
    chosen = (ranked[0], ranked[len(ranked) // 2], ranked[-1])
    panels = tuple(
        _fan_of_site(site, f"{rank}: WAPE {wape[site]:.3f}", forecaster, readings)
        for rank, site in zip(_RANKS, chosen, strict=True)
    )
    rows = ranked[:: -(-len(ranked) // _MOST_ROWS)]
    by_hour = scores.record[BY_SITE_AND_HOUR]
    caption = "Each from its middle origin: true power, and P50 with P10 to P90 as an area."
    errors = [rounded(by_hour[site]["wape"], 4) for site in rows]
    return {
        "fan_charts": Figure((Chart("Forecasts of three sites", caption, panels),)),
        "errors": Heatmap("WAPE by site and hour ahead", "hours ahead", rows, errors),
    }


def _backtests(horizon: int, readings: Readings) -> Iterator[Backtest]:
    sites = readings.iterate(HOUR_S, CHANNELS, local=True)
    backtests = (make_backtest(site, horizon) for site in sites)
    return (backtest for backtest in backtests if backtest is not None)


def _weeks(
    backtest: Backtest, forecasts: Mapping[str, np.ndarray], horizon: int
) -> Iterator[_Week]:
    """A long forecast's first week, or short ones end to end."""
    series, origins = backtest.series, backtest.origins
    joined = max(WEEK_HOURS // horizon, 1)
    length = min(joined * horizon, WEEK_HOURS)
    for first in range(0, len(origins) - joined + 1, joined):
        rows = slice(first, first + joined)
        if joined > 1 and np.any(np.diff(origins[rows]) != horizon):
            continue
        begin = int(origins[first])
        truth = series.power[begin : begin + length].astype(np.float64)
        if np.isfinite(truth).mean() < 0.9:
            continue
        fans = {
            role: forecasts[role][rows].reshape(-1, 3)[:length]
            for role in _SHOWN
            if role in forecasts
        }
        miss = np.nansum(np.abs(truth - fans["challenger"][:, 1]))
        error = float(miss / max(np.nansum(np.abs(truth)), 1.0))
        yield _Week(series.site, str(_time(series, begin))[:10], truth, fans, error)


def _time(series: Series, hour: int) -> np.datetime64:
    return np.datetime64(series.start + hour * np.timedelta64(HOUR_S, "s"))


def _typical_and_bad(weeks: list[_Week]) -> Chart:
    ranked = sorted(weeks, key=lambda week: week.error)
    chosen = {"typical": ranked[len(ranked) // 2], "bad": ranked[-1]} if ranked else {}
    panels = tuple(
        _fan(
            week.site,
            f"{word}: from {week.start}, error {week.error:.0%}",
            week.truth,
            week.quantiles,
        )
        for word, week in chosen.items()
    )
    caption = "True power, the challenger's P50 with P10 to P90 as an area, the champion's P50."
    return Chart("A typical and a bad week", caption, panels)


def _fan_of_site(site: str, title: str, forecaster: Forecaster, readings: Readings) -> Panel:
    """A site's middle forecast, after half of a horizon of its past."""
    backtest = make_backtest(readings.load(site, HOUR_S, CHANNELS, local=True), forecaster.horizon)
    assert backtest is not None, "a site that was scored has origins"
    middle = len(backtest.origins) // 2
    origin = int(backtest.origins[middle])
    quantiles = forecaster.forecast(backtest.series, backtest.origins[middle : middle + 1])[0]
    first = max(origin - max(_LEAST_PAST_H, forecaster.horizon // 2), 0)
    past, truth = backtest.series.power[first:origin], backtest.truth[middle]
    issued = _time(backtest.series, origin)
    return _fan(
        site,
        f"{title}, issued {issued} {backtest.series.timezone}",
        truth,
        {"challenger": quantiles},
        past,
    )


def _fan(
    site: str,
    title: str,
    truth: np.ndarray,
    fans: Mapping[Role, np.ndarray],
    past: np.ndarray | None = None,
) -> Panel:
    """``truth`` (h,) with the P50 of ``fans``, (h, 3) each, and the challenger's P10 to P90,
    all W; before them the ``past`` that they were made from, if any."""
    before = np.empty(0) if past is None else past
    known = np.concatenate([before, truth])

    def ahead(values: np.ndarray) -> list[float | None]:
        return [None] * len(before) + rounded(values, 1)

    low, _, high = fans["challenger"].T
    lines = (
        Line("true", "truth", rounded(known, 1)),
        *(Line(f"{role} P50", role, ahead(fan[:, 1])) for role, fan in fans.items()),
    )
    bands = (Band("challenger P10–P90", "challenger", ahead(low), ahead(high)),)
    spans = (
        (Span("before the forecast", "context", float(-len(before)), 0.0),) if len(before) else ()
    )
    x = np.arange(-len(before), len(truth), dtype=float).tolist()
    x_label = "hours from the origin" if len(before) else "hours"
    return Panel(title, x_label, "W", x, lines, bands, spans, site)


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean over axis 0, NaN where all are."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(0)
    return np.where(known.any(0), total / np.maximum(known.sum(0), 1), np.nan)


def _by_step(errors: Mapping[str, list[np.ndarray]], size: np.ndarray, horizon: int) -> Chart:
    """Absolute error by hour ahead, as a share of the mean power of that hour."""
    step = max(horizon // _MOST_STEPS, 1)
    mean = np.maximum(np.nanmean(size, 0), 1.0)
    lines = tuple(
        Line(
            name,
            role_of(name),
            rounded((_mean_of_known(np.concatenate(parts)) / mean)[::step], 4),
        )
        for name, parts in errors.items()
    )
    steps = [float(i + 1) for i in range(0, horizon, step)]
    panel = Panel("mean absolute error by hour ahead", "hours ahead", "share", steps, lines)
    return Chart("Error by step", "As a share of the mean power; lower is better.", (panel,))
