"""What happens to a channel's readings between the source and the files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import reduce

import numpy as np

from smartwatts_ml.errors import UsageError
from smartwatts_ml.imports.base import Channel
from smartwatts_ml.readings.base import COARSER
from smartwatts_ml.readings.device_rows import DeviceRows
from smartwatts_ml.readings.resample import MICRO, resample

__all__ = ["AsTheyAre", "Distinct", "HeldMeans", "Resampler", "Sink", "Writer", "summed"]

_Series = tuple[np.ndarray, np.ndarray]
"""Stamps int64 µs and watts, both of shape (n,)."""
Writer = Callable[[np.ndarray, np.ndarray], None]

_CHUNK = 200_000
_HISTORY = 4_096
"""Readings kept before the next interval, so that each chunk sees the usual spacing."""
_HELD_PERIOD_S = 10
_LONGEST_HELD = 2 * 3600 * MICRO
"""Sensors that write when a value changes say so every hour at the latest."""


class Distinct:
    """Keeps out missing values, and all but the last reading of a stamp that is repeated at
    once. Ingest sees to repetitions that lie further apart."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._held: _Series = (np.empty(0, np.int64), np.empty(0))

    def take(self, stamps: np.ndarray, watts: np.ndarray) -> _Series:
        """What is certain by now; the newest reading is held back."""
        finite = np.isfinite(watts)
        stamps = np.concatenate([self._held[0], stamps[finite]])
        watts = np.concatenate([self._held[1], watts[finite]])
        last = np.ones(len(stamps), bool)
        last[:-1] = stamps[1:] != stamps[:-1]
        self._channel.missing += int(len(finite) - finite.sum())
        self._channel.duplicate += int(len(stamps) - last.sum())
        stamps, watts = stamps[last], watts[last]
        self._held = (stamps[-1:], watts[-1:])
        return stamps[:-1], watts[:-1]

    def rest(self) -> _Series:
        """The reading that was held back."""
        return self._held

    def all(self, readings: Iterator[_Series]) -> Iterator[_Series]:
        """A whole series, its readings counted as taken."""
        for stamps, watts in readings:
            self._channel.taken += len(stamps)
            yield self.take(stamps, watts)
        yield self.rest()


def summed(legs: Sequence[Iterator[_Series]], channel: Channel) -> Iterator[_Series]:
    """The sum of legs at the stamps that all of them have; other readings are unpaired.

    Legs are read side by side, so memory does not grow with their length.
    """
    if len(legs) == 1:
        yield from legs[0]
        return
    held: list[_Series] = [(np.empty(0, np.int64), np.empty(0)) for _ in legs]
    while _refill(held, legs):
        yield _sum_until(held, min(int(stamps[-1]) for stamps, _ in held), channel)
    channel.unpaired += sum(len(stamps) for stamps, _ in held)
    channel.unpaired += sum(len(stamps) for leg in legs for stamps, _ in leg)


def _refill(held: list[_Series], legs: Sequence[Iterator[_Series]]) -> bool:
    """Give each leg something to go on with; False when one has come to its end."""
    for at, leg in enumerate(legs):
        while not len(held[at][0]):
            more = next(leg, None)
            if more is None:
                return False
            order = np.argsort(more[0], kind="stable")
            held[at] = more[0][order], more[1][order]
    return True


def _sum_until(held: list[_Series], until: int, channel: Channel) -> _Series:
    """Take everything up to a stamp out of ``held`` and add it up."""
    ready = []
    for at, (stamps, watts) in enumerate(held):
        cut = int(np.searchsorted(stamps, until, "right"))
        ready.append((stamps[:cut], watts[:cut]))
        held[at] = (stamps[cut:], watts[cut:])
    common: np.ndarray = reduce(np.intersect1d, [stamps for stamps, _ in ready])
    total = np.zeros(len(common))
    for stamps, watts in ready:
        total += watts[np.searchsorted(stamps, common)]
        channel.unpaired += len(stamps) - len(common)
    return common, total


class Sink(ABC):
    """Where a channel's readings end. One of a sum stands for a reading of each leg."""

    def __init__(self, channel: Channel, write: Writer) -> None:
        self._channel = channel
        self._write = write
        self._legs = len(channel.sources)

    @abstractmethod
    def take(self, stamps: np.ndarray, watts: np.ndarray) -> None:
        """More readings: int64 µs and W, shape (n,)."""

    def close(self) -> None:  # noqa: B027
        """Write what is left."""

    def _put(self, stamps: np.ndarray, watts: np.ndarray) -> None:
        if len(stamps):
            self._channel.saw(stamps)
            self._write(stamps, watts)


class AsTheyAre(Sink):
    """The source's own sampling."""

    def take(self, stamps: np.ndarray, watts: np.ndarray) -> None:
        self._channel.used += len(stamps) * self._legs
        self._put(stamps, watts)


class Resampler(Sink):
    """Mean W on a regular grid, whatever the size of the series, by the project's own
    ``resample``: chunks overlap, and a chunk ends where an interval does."""

    def __init__(self, channel: Channel, write: Writer, period_s: int) -> None:
        super().__init__(channel, write)
        self._period = period_s * MICRO
        self._stamps = np.empty(0, np.int64)
        self._watts = np.empty(0)
        self._from: int | None = None  # start of the first interval not written yet

    def take(self, stamps: np.ndarray, watts: np.ndarray) -> None:
        if self._from is not None:
            early = stamps < self._from
            self._channel.late += int(early.sum()) * self._legs
            stamps, watts = stamps[~early], watts[~early]
        self._channel.used += len(stamps) * self._legs
        self._stamps = np.concatenate([self._stamps, stamps])
        self._watts = np.concatenate([self._watts, watts])
        if len(self._stamps) > _CHUNK + _HISTORY:
            self._flush(last=False)

    def close(self) -> None:
        if len(self._stamps):
            self._flush(last=True)

    def _flush(self, last: bool) -> None:
        series = DeviceRows(self._stamps, self._watts.astype(np.float32)).readings()
        repeated = (len(self._stamps) - len(series.stamps)) * self._legs
        self._channel.duplicate += repeated
        self._channel.used -= repeated
        self._check(series.native_us)
        start = int(series.stamps[0]) if self._from is None else self._from
        start = start // self._period * self._period
        # A reading covers at most one and a half native intervals: two periods hold it.
        reach = int(series.stamps[-1]) + (2 * self._period if last else 0)
        count = max((reach - start) // self._period, 0)
        mean, _ = resample(series, start, self._period, count)
        there = np.flatnonzero(np.isfinite(mean))
        self._put(start + there * self._period, mean[there])
        self._from = start + count * self._period
        kept = max(int(np.searchsorted(series.stamps, self._from)) - _HISTORY, 0)
        self._stamps = series.stamps[kept:]
        self._watts = series.values[kept:].astype(np.float64)

    def _check(self, native_us: int) -> None:
        if native_us > self._period * COARSER:
            raise UsageError(
                f"{self._channel.name} has a reading every {native_us / MICRO:g} s: "
                f"--period {self._period // MICRO} is finer",
                fix=f"give --period {-(-native_us // MICRO)} or more",
            )


class HeldMeans(Sink):
    """Mean W on a regular grid, of a sensor that writes when its value changes: a value holds
    until the next one, or for ``_LONGEST_HELD``."""

    def __init__(self, channel: Channel, write: Writer, period_s: int | None) -> None:
        super().__init__(channel, write)
        self._period = (period_s or _HELD_PERIOD_S) * MICRO
        self._stamps = np.empty(0, np.int64)
        self._watts = np.empty(0)
        self._from: int | None = None  # start of the first interval not written yet

    def take(self, stamps: np.ndarray, watts: np.ndarray) -> None:
        if self._from is not None:
            early = stamps < self._from
            self._channel.late += int(early.sum())
            stamps, watts = stamps[~early], watts[~early]
        self._channel.used += len(stamps)
        self._stamps = np.concatenate([self._stamps, stamps])
        self._watts = np.concatenate([self._watts, watts])
        if len(self._stamps) > _CHUNK:
            self._flush()

    def close(self) -> None:
        self._flush()

    def _flush(self) -> None:
        """Write the intervals before the last reading, whose end is not known yet."""
        order = np.argsort(self._stamps, kind="stable")
        stamps, watts = self._stamps[order], self._watts[order]
        last = np.append(stamps[1:] != stamps[:-1], True)[: len(stamps)]
        self._channel.duplicate += int(len(last) - last.sum())
        self._channel.used -= int(len(last) - last.sum())
        stamps, watts = stamps[last], watts[last]
        if len(stamps) > 1:
            start = int(stamps[0]) if self._from is None else self._from
            start = start // self._period * self._period
            count = (int(stamps[-1]) - start) // self._period
            self._put(*self._means(stamps, watts, start, count))
            self._from = start + count * self._period
        kept = max(int(np.searchsorted(stamps, self._from or 0, "right")) - 1, 0)
        self._stamps, self._watts = stamps[kept:], watts[kept:]

    def _means(self, stamps: np.ndarray, watts: np.ndarray, start: int, count: int) -> _Series:
        ends = np.minimum(stamps[1:], stamps[:-1] + _LONGEST_HELD)
        lasting = (ends - stamps[:-1]).astype(np.float64)
        breaks = np.column_stack([stamps[:-1], ends]).ravel() - start
        edges = np.arange(count + 1, dtype=np.float64) * self._period
        energy, covered = (
            np.diff(np.interp(edges, breaks, np.insert(np.repeat(np.cumsum(sums), 2)[:-1], 0, 0)))
            for sums in (lasting * watts[:-1], lasting)
        )
        there = np.flatnonzero(covered * 2 >= self._period)
        return start + there * self._period, energy[there] / covered[there]
