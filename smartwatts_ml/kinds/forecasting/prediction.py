"""Forecasts as tables: one from the end of each site's readings, or rolling ones."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.forecasting.energy import energy_quantiles
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_DAYS, ENERGY
from smartwatts_ml.kinds.forecasting.predictors import Forecaster
from smartwatts_ml.kinds.forecasting.series import CHANNELS, HOUR_S, Series, to_series
from smartwatts_ml.localtime import local_days
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, device_id

__all__ = ["predict", "remarks"]

_ORIGINS_AT_ONCE = 256


def _parse_every(text: str | None) -> int:
    """Hours between two origins; a day where nothing is said.

    >>> _parse_every("24h"), _parse_every("7d"), _parse_every("6"), _parse_every(None)
    (24, 168, 6, 24)
    """
    if text is None:
        return 24
    parts = re.fullmatch(r"\s*(\d+)\s*([hd]?)\s*", text.lower())
    hours = int(parts[1]) * (24 if parts[2] == "d" else 1) if parts else 0
    if not hours:
        raise UsageError(f"--every {text}", fix="say 24h, 7d or a number of hours")
    return hours


def predict(
    forecaster: Forecaster,
    readings: Readings,
    *,
    from_: np.datetime64 | None = None,
    to: np.datetime64 | None = None,
    every: str | None = None,
    energy: bool = False,
) -> Iterator[pd.DataFrame]:
    """One frame for up to 256 origins of a site: device_id, issued_at, timestamp,
    consumption (P50), p10, p90; stamps in UTC, power in W.

    With ``energy`` the columns of ``ENERGY`` instead, kWh: a row for each local day that
    the horizon touches, and one for all of it; ``hours`` are real ones, 23 or 25 of a day on
    which clocks change. ``from_`` and ``to`` are inclusive; ``every`` counts hours of the wall
    clock, so that 24 h lead from midnight to midnight. Without
    ``from_`` there is one origin: ``to``, or the end of the site's readings.
    """
    hours = _parse_every(every)
    frame = _energy_frame if energy else _frame
    if every is not None and from_ is None:
        raise UsageError("--every needs --from", fix="say where the first origin is")
    if from_ is not None and to is not None and to < from_:
        raise UsageError(f"--to {to} is before --from {from_}")
    for loaded in readings.iterate(HOUR_S, CHANNELS, local=True):
        if MAINS not in loaded.channels:
            continue
        series = to_series(loaded)
        origins = _origins(loaded, series, from_, to, hours)
        for i in range(0, len(origins), _ORIGINS_AT_ONCE):
            made = frame(forecaster, loaded, series, origins[i : i + _ORIGINS_AT_ONCE])
            # Hours that the file leaves out are NaN, and so is energy that they are a part of.
            yield made.dropna(ignore_index=True) if forecaster.left_out else made


def _origins(
    loaded: SiteReadings,
    series: Series,
    start: np.datetime64 | None,
    end: np.datetime64 | None,
    every: int,
) -> np.ndarray:
    """Indices of the origins within a site's readings and their end. An origin with no
    reading in the four weeks before it is left out: there is nothing to forecast from."""
    clock = loaded.clock
    if start is None:
        last = series.end if end is None else clock.first_cell(loaded.start, HOUR_S, end)
        wanted = np.array([last])
    else:
        first = clock.first_cell(loaded.start, HOUR_S, start)
        first += clock.skipped_from(loaded.start + first * np.timedelta64(HOUR_S, "s"), HOUR_S)
        stop = series.end if end is None else clock.cell_at(loaded.start, HOUR_S, end)
        first += every * max(0, -(-(1 - first) // every))  # as if from far before, in memory
        wanted = np.arange(first, min(stop, len(loaded)) + 1, every)
    wanted = _that_come(loaded, wanted[(wanted > 0) & (wanted <= len(loaded))])
    return np.asarray(wanted[series.known_before(wanted) > 0])


def _that_come(loaded: SiteReadings, hours: np.ndarray) -> np.ndarray:
    """Hours by their indices, each once: instead of those that the clock skips, the next ones."""
    come = np.flatnonzero(loaded.cells_until(len(loaded) + 1).seconds)
    places = np.searchsorted(come, hours)
    return np.unique(come[places[places < len(come)]])


def _frame(
    forecaster: Forecaster, loaded: SiteReadings, series: Series, origins: np.ndarray
) -> pd.DataFrame:
    """A row for each stretch of real time that an hour of the wall clock is: two where the
    clock repeats it, none where it skips it."""
    quantiles = forecaster.forecast(series, origins).reshape(-1, 3)
    cells = loaded.cells_until(len(loaded) + forecaster.horizon)
    real = cells.take(origins[:, None] + np.arange(forecaster.horizon)).intervals()
    quantiles = quantiles[real.cell]
    return pd.DataFrame(
        {
            "device_id": device_id(loaded.site, MAINS),
            "issued_at": cells.starts[origins][real.cell // forecaster.horizon],
            "timestamp": real.starts,
            "consumption": quantiles[:, 1],
            "p10": quantiles[:, 0],
            "p90": quantiles[:, 2],
        }
    )


def _energy_frame(
    forecaster: Forecaster, loaded: SiteReadings, series: Series, origins: np.ndarray
) -> pd.DataFrame:
    factors = forecaster.energy
    if not factors:
        raise UsageError(
            "this model file has no factors for energy", fix="train the model again, then --energy"
        )
    quantiles = forecaster.forecast(series, origins).astype(np.float64)
    cells = loaded.cells_until(len(loaded) + forecaster.horizon)
    rows = []
    for origin, power in zip(origins.tolist(), quantiles, strict=True):
        ahead = slice(origin, origin + len(power))
        hours, days = cells.seconds[ahead] / HOUR_S, local_days(cells.wall[ahead])
        energy = power * hours[:, None] / 1000.0
        first = np.flatnonzero(np.concatenate([[True], days[1:] != days[:-1]]))
        parts = [
            (str(part[0]), "day", *part[1:])
            for part in zip(
                days[first], np.split(energy, first[1:]), np.split(hours, first[1:]), strict=True
            )
        ]
        for period, factor, part, lasting in [*parts, ("horizon", "horizon", energy, hours)]:
            if lasting.any():
                low, middle, high = energy_quantiles(factors[factor], part)
                rows.append((cells.starts[origin], period, lasting.sum(), middle, low, high))
    frame = pd.DataFrame(rows, columns=list(ENERGY[1:]))
    frame.insert(0, ENERGY[0], device_id(loaded.site, MAINS))
    frame["issued_at"] = frame["issued_at"].astype("datetime64[s]")
    return frame


def remarks(readings: Readings) -> list[str]:
    """A line for each site that has less than a full context of readings at its end."""
    lines = []
    for loaded in readings.iterate(HOUR_S, CHANNELS, local=True):
        if MAINS not in loaded.channels:
            continue
        series = to_series(loaded)
        days = int(series.known_before(np.array([series.end]))[0]) // 24
        if days < CONTEXT_DAYS - 1:
            lines.append(
                f"{loaded.site} has {days} of {CONTEXT_DAYS} days of readings: its intervals are "
                "wider"
            )
    return lines
