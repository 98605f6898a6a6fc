"""Simulated homes to learn from beside the real ones.

Few sub-metered homes say little about what else runs in a home. The simulation knows it,
roughly: its homes bring loads that nobody meters, and more makes of what is metered.
"""

from __future__ import annotations

import numpy as np

from smartwatts_ml.kinds.nilm.appliances import activations
from smartwatts_ml.kinds.nilm.corpus import Corpus, SiteArrays
from smartwatts_ml.kinds.nilm.grid import FINE_PERIOD_S
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.simulate.appliances import METERED
from smartwatts_ml.simulate.background import extras
from smartwatts_ml.simulate.generate import meter
from smartwatts_ml.simulate.large import LARGE
from smartwatts_ml.simulate.life import live
from smartwatts_ml.simulate.world import make_world

__all__ = ["simulated_sites"]

_START = np.datetime64("2025-11-01")
_SEASON_DAYS, _SEASONS = 37, 10
_SEED = 20_251


def simulated_sites(corpus: Corpus, period_s: int, homes: int, days: int) -> tuple[SiteArrays, ...]:
    """Up to ``homes`` homes of ``days`` days, spread over the year.

    A corpus's appliance that the simulation does not meter is unknown there (NaN); a home
    in which it runs unmetered is left out. None at all where it meters none of them. At periods
    over two minutes homes have more large loads, and all of these are metered.
    """
    large = period_s > FINE_PERIOD_S
    metered = METERED.keys() | (LARGE.keys() if large else ())
    if metered.isdisjoint(corpus.appliances):
        return ()
    made = []
    for number in range(homes):
        start = _START + _SEASON_DAYS * (number % _SEASONS)
        life = live(f"simulated{number}", make_world(_SEED + number, start, days))
        unmetered = set(extras(life, large=large)) - metered
        if unmetered.isdisjoint(corpus.appliances):
            read = meter(life, period_s, large=large)
            silent = {name: np.zeros(len(read[MAINS])) for name in metered - read.keys()}
            made.append(_arrays(life.site, read | silent, corpus, period_s))
    return tuple(made)


def _arrays(site: str, read: dict[str, np.ndarray], corpus: Corpus, period_s: int) -> SiteArrays:
    missing = np.full(len(read[MAINS]), np.nan)
    power = np.stack([read.get(name, missing) for name in corpus.appliances], axis=1)
    spans = tuple(
        activations(power[:, k], threshold, period_s)
        for k, threshold in enumerate(corpus.thresholds)
    )
    return SiteArrays(site, read[MAINS].astype(np.float32), power.astype(np.float32), spans)
