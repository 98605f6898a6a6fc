"""How time becomes samples, at periods from seconds to half hours."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FINE_PERIOD_S", "Grid", "window_seconds"]

FINE_PERIOD_S = 120
"""Up to here a sample shows the power of a heater; a longer one a mean over part of a run."""
_COARSE_S, _FOLD = 480, 8
_WINDOW_S, _WINDOW_SAMPLES = 512 * 60, 192


def window_seconds(period_s: int) -> int:
    """Time that a window spans unless a setting says otherwise: 512 minutes, or 192 samples where
    these are longer, lest a window of long samples shows next to nothing.

    >>> [window_seconds(period_s) / 3600 for period_s in (10, 60, 300, 900, 1800)]
    [8.533333333333333, 8.533333333333333, 16.0, 48.0, 96.0]
    """
    return max(_WINDOW_S, _WINDOW_SAMPLES * period_s)


@dataclass(frozen=True)
class Grid:
    """``window``: samples, an even number. ``pool`` samples are one fine step of about a minute
    (1 where the period is not shorter), ``fold`` of these one coarse step of eight minutes (1
    where the period is longer).
    """

    period_s: int
    window: int
    pool: int
    fold: int

    @classmethod
    def for_period(cls, period_s: int, window_s: int) -> Grid:
        """The grid of a period; the window is cut to whole coarse steps.

        >>> Grid.for_period(60, 512 * 60)
        Grid(period_s=60, window=512, pool=1, fold=8)
        >>> Grid.for_period(10, 512 * 60)
        Grid(period_s=10, window=3072, pool=6, fold=8)
        >>> Grid.for_period(1800, 96 * 3600)
        Grid(period_s=1800, window=192, pool=1, fold=1)
        """
        pool = max(1, round(_COARSE_S / _FOLD / period_s))
        fold = max(1, round(_COARSE_S / (period_s * pool)))
        step = pool * fold * (1 + pool * fold % 2)  # half a window has to be whole samples
        steps = max(window_s // (period_s * step), 1)
        return cls(period_s, steps * step, pool, fold)

    def steps(self, seconds: float, least: int = 1) -> int:
        """The fine steps that span this time, not fewer than the least."""
        return max(least, round(seconds / (self.period_s * self.pool)))
