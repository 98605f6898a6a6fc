"""Public holidays of a country, from the ``holidays`` package."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from holidays import country_holidays

from smartwatts_ml.errors import UsageError

__all__ = ["check_country", "holiday_flags"]


def check_country(country: str) -> None:
    """Raises UsageError for a code that names no country or no part of it."""
    _days(country, 2026)


def holiday_flags(days: np.ndarray, country: str) -> np.ndarray:
    """1 on holidays of ``country`` (ISO 3166: ``US``, ``DE-BY``), float32, same shape.

    >>> days = np.array(["2026-12-24", "2026-12-25", "2026-01-06"], "datetime64[D]")
    >>> holiday_flags(days, "DE"), holiday_flags(days, "DE-BY")
    (array([0., 1., 0.], dtype=float32), array([0., 1., 1.], dtype=float32))
    """
    if not len(days):
        return np.zeros(0, np.float32)
    first, last = (int(str(day)[:4]) for day in (days.min(), days.max()))
    holidays = [_days(country, year) for year in range(first, last + 1)]
    return np.isin(days, np.concatenate(holidays)).astype(np.float32)


@lru_cache(maxsize=256)
def _days(country: str, year: int) -> np.ndarray:
    code, _, part = country.upper().partition("-")
    try:
        days = country_holidays(code, subdiv=part or None, years=year)
    except NotImplementedError as error:  # how the library tells a country it does not know
        raise UsageError(
            f"no holidays are known of {country!r}",
            fix="an ISO 3166 code such as US, GB-ENG or DE-BY",
        ) from error
    return np.array(sorted(days), dtype="datetime64[D]")
