"""Measures that have a value at every hour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from keras import ops

from smartwatts_ml.kinds.anomaly.graphops import ABSENT, delay, doubling, log_power
from smartwatts_ml.kinds.anomaly.measures import MeasureRows, Measures, by_day
from smartwatts_ml.kinds.anomaly.normalisation import FARTHEST, RECENT_DAYS
from smartwatts_ml.kinds.anomaly.sides import Sides
from smartwatts_ml.kinds.base import Tensor

__all__ = ["FAR", "hour_measures", "means_over", "unmoved"]

FAR = 50.0
"""Spreads of one hour that means count at most."""

_FLAT_TOLERANCE = 1e-4  # of the device's level: differences below it are none


def hour_measures(sides: Sides) -> tuple[Measures, Measures]:
    """Those that never fall, then those of the inner readings, both ways up: mean distances over
    1 h to a week and their mean size over a day, highest and lowest power over 1 to 24 h and the
    range between them, how much it just moved; and for how long the inner ones have not."""
    z = ops.clip(sides.off / sides.spread, -FAR, FAR)
    size = ops.minimum(sides.size / sides.spread, FAR)
    distances = (
        MeasureRows(z, sides.present, spans=(1,) * 3, floors=(0.5,) * 3),
        means_over(z, sides.present, (3, 6, 12, 24, 48, 72, 168)),
        means_over(size, sides.present, (24,)),
        _changes(sides),
        unmoved(sides.power[:, 2:], sides.present),
    )
    highest, lowest, whole = _extremes(sides)
    ranges = (highest[:, 0::3] - lowest[:, 1::3], highest[:, 2::3] - lowest[:, 2::3])
    whole = ops.concatenate([*[ops.repeat(whole, 3, axis=1)] * 2, whole, whole], axis=1)
    levels = ops.concatenate([highest, lowest, *ranges], axis=1)
    up, down = by_day(MeasureRows.join(distances))
    high, low = by_day(MeasureRows(levels, whole, (1,) * 40, (0.1,) * 40), log_power)
    rising = (up[0:24:3], down[1:24:3], up[24:28:2], high[0:30:3], low[1:30:3], high[30:35])
    free = [
        part
        for way, level in ((up, high), (down, low))
        for part in (way[2:24:3], way[25:28:2], way[28:], level[2:30:3], level[35:])
    ]
    return Measures.join(rising).before(RECENT_DAYS), Measures.join(free)


def means_over(values: Tensor, present: Tensor, lengths: Sequence[int]) -> MeasureRows:
    """Means over so many hours, of all values for each length in turn; valid where half of the
    hours are present."""
    n = values.shape[1]
    sums = ops.concatenate([values, present], axis=1)
    three = sums + delay(sums, 1, 0.0) + delay(sums, 2, 0.0)
    six, twelve, day, two = doubling(three, (3, 6, 12, 24), ops.add, 0.0)
    days3 = two + delay(day, 48, 0.0)
    week = days3 + delay(days3, 72, 0.0) + delay(day, 144, 0.0)
    spans = {3: three, 6: six, 12: twelve, 24: day, 48: two, 72: days3, 168: week}
    half = np.repeat(np.maximum(np.array(lengths, np.float32) / 2, 1.0), n)[:, None]
    total = ops.concatenate([spans[length][:, :n] for length in lengths], axis=1)
    count = ops.concatenate([ops.repeat(spans[k][:, n:], n, axis=1) for k in lengths], axis=1)
    return MeasureRows(
        total / ops.maximum(count, half),
        ops.cast(count >= half, "float32"),
        spans=tuple(-(-length // 24) for length in lengths for _ in range(n)),
        floors=(0.2,) * (n * len(lengths)),
    )


def _extremes(sides: Sides) -> tuple[Tensor, Tensor, Tensor]:
    """Highest and lowest power of each of the readings over 1, 3, 6, 12 and 24 h in turn, and
    whether all hours were present, shapes (windows, 15, hours) and (windows, 5, hours)."""
    far = -10 * FARTHEST
    missing = far * (1.0 - sides.present)
    rows = ops.concatenate([sides.power + missing, missing - sides.power, -sides.present], axis=1)
    three = ops.maximum(ops.maximum(rows, delay(rows, 1, far)), delay(rows, 2, far))
    spans = (rows, three, *doubling(three, (3, 6, 12), ops.maximum, far))
    highest, lowest, whole = (
        ops.concatenate([span[:, part] for span in spans], axis=1)
        for part in (slice(0, 3), slice(3, 6), slice(6, 7))
    )
    return highest, -lowest, ops.relu(-whole)


def _changes(sides: Sides) -> MeasureRows:
    """How far the reading lies from the inner one before it, and the inner one itself."""
    upper, lower, inner = (sides.power[:, k : k + 1] for k in range(3))
    before = delay(inner, 1, 0.0)
    outer = ops.maximum(upper - before, before - lower)
    known = sides.present * delay(sides.present, 1, 0.0)
    moved = ops.concatenate([outer, ops.abs(inner - before)], axis=1) * known
    return MeasureRows(moved, sides.present, spans=(1,) * 2, floors=(0.1,) * 2)


def unmoved(power: Tensor, present: Tensor) -> MeasureRows:
    """For how many hours readings, shape (windows, 1, hours), did not move at all, at most 64, as a
    logarithm."""
    still = ops.cast(ops.abs(power - delay(power, 1, ABSENT)) < _FLAT_TOLERANCE, "float32")
    still = still * present * delay(present, 1, 0.0)
    place = np.arange(1, power.shape[-1] + 1, dtype=np.float32)
    moved = doubling((1.0 - still) * place, (1, 2, 4, 8, 16, 32), ops.maximum, 0.0)[-1]
    run = ops.log1p(ops.minimum(ops.subtract(place, moved), 64.0))
    return MeasureRows(run, present, spans=(3,), floors=(0.3,))
