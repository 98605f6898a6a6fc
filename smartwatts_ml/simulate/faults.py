"""Rows as a feed delivers them: some never, some twice, some late, some unreadable."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Damage", "Deliveries", "damage", "flatten"]

_DAY_S = 86_400
_UNREADABLE = (
    "{day} 12:60:00,201.4,{device}",
    "{day} 18:03:00,,{device}",
    "{day} 18:04:00,n/a,{device}",
    "{day} 07:15:00,188.2",
    "{month}-32 00:00:00,95.1,{device}",
    "{day} 0",
)


@dataclass(frozen=True)
class Deliveries:
    """A home's rows in the order of delivery; arrays of shape (n,).

    ``at`` is the interval since the start, ``channel`` an index into the home's channels,
    ``watts`` the reading. ``broken`` maps a position to the line that comes before it.
    """

    at: np.ndarray
    channel: np.ndarray
    watts: np.ndarray
    broken: dict[int, str]

    def take(self, index: np.ndarray) -> Deliveries:
        """The rows at these positions, or under this mask; without broken lines."""
        return Deliveries(self.at[index], self.channel[index], self.watts[index], {})


@dataclass(frozen=True)
class Damage:
    """Rows after the faults: on time, and late (with the interval where those begin)."""

    rows: Deliveries
    late: Deliveries
    outages: int
    missing: int
    duplicates: int


def flatten(channels: np.ndarray) -> Deliveries:
    """All readings, time by time; ``channels`` of shape (n_channels, n_intervals)."""
    count, intervals = channels.shape
    at = np.repeat(np.arange(intervals), count)
    return Deliveries(at, np.tile(np.arange(count), intervals), channels.T.ravel(), {})


def damage(
    rows: Deliveries,
    rng: np.random.Generator,
    period_s: int,
    device: str,
    start: np.datetime64,
    late: bool,
) -> Damage:
    """Rows less outages and gaps, plus duplicates and unreadable lines, some kept for later."""
    intervals = int(rows.at[-1]) + 1
    outages = max(1, int(rng.poisson(intervals * period_s / _DAY_S / 40)))
    kept = _present(rows, rng, period_s, intervals, outages)
    missing = int(len(kept) - kept.sum())
    rows = rows.take(kept)
    delayed = _delayed(rows, rng, period_s, intervals) if late else np.zeros(len(rows.at), bool)
    on_time, held_back = rows.take(~delayed), rows.take(delayed)
    order = _with_duplicates(len(on_time.at), rng)
    duplicates = len(order) - len(on_time.at)
    on_time = on_time.take(order)
    broken = _unreadable(on_time, rng, period_s, device, start)
    return Damage(replace(on_time, broken=broken), held_back, outages, missing, duplicates)


def _present(
    rows: Deliveries, rng: np.random.Generator, period_s: int, intervals: int, outages: int
) -> np.ndarray:
    """Mask of the rows that arrive at all."""
    days = intervals * period_s / _DAY_S
    channels = int(rows.channel.max()) + 1
    there = np.ones((intervals, channels), bool)
    for _ in range(outages):  # no power, no gateway: nothing of the home arrives
        first = int(rng.integers(intervals))
        hours = min(rng.lognormal(1.0, 1.1), 48.0)
        there[first : first + max(1, round(hours * 3600 / period_s))] = False
    for _ in range(rng.poisson(days * channels / 12)):  # one meter out of reach for a while
        first, channel = int(rng.integers(intervals)), int(rng.integers(channels))
        seconds = rng.uniform(300, 5400)
        there[first : first + max(1, round(seconds / period_s)), channel] = False
    there &= rng.random(there.shape) > 0.0004
    return np.asarray(there[rows.at, rows.channel])


def _delayed(
    rows: Deliveries, rng: np.random.Generator, period_s: int, intervals: int
) -> np.ndarray:
    """Mask of a day or two in the first half whose rows come in a later file."""
    length = rng.uniform(0.8, 2.0) * _DAY_S / period_s
    first = rng.uniform(0.15, 0.5) * (intervals - length)
    return np.asarray((rows.at >= first) & (rows.at < first + length))


def _with_duplicates(count: int, rng: np.random.Generator) -> np.ndarray:
    """Positions in order of delivery: a few rows twice, and a block that is sent again."""
    repeats = 1 + (rng.random(count) < 0.0002)
    repeats[rng.integers(count)] = 2
    order = np.repeat(np.arange(count), repeats)
    first = int(rng.integers(max(1, len(order) - 60)))
    block = order[first : first + int(rng.integers(5, 60))]
    return np.insert(order, min(first + 2 * len(block), len(order)), block)


def _unreadable(
    rows: Deliveries, rng: np.random.Generator, period_s: int, device: str, start: np.datetime64
) -> dict[int, str]:
    """Lines that no reader can take for a reading, by the position they come before."""
    lines = rng.choice(len(_UNREADABLE), int(rng.integers(3, 7)), replace=False)
    places = rng.choice(len(rows.at), min(len(lines), len(rows.at)), replace=False)
    broken = {}
    for place, line in zip(sorted(places.tolist()), lines.tolist(), strict=False):
        stamp = start + np.timedelta64(int(rows.at[place]) * period_s, "s")
        day = str(stamp.astype("datetime64[D]"))
        broken[place] = _UNREADABLE[line].format(day=day, month=day[:7], device=device)
    return broken
