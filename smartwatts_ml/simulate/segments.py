"""Power as piecewise-constant segments, integrated exactly at any period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.simulate.world import SLOT_S

__all__ = ["Program", "Segments", "by_slot", "join", "mean_power", "play"]

Program = tuple[np.ndarray, np.ndarray]
"""One run of an appliance: seconds and W of its steps, both of shape (n_steps,)."""


@dataclass(frozen=True)
class Segments:
    """Segments of constant power, which may overlap and add up; arrays of shape (n,).

    ``start`` in seconds since the world's start, ``seconds`` long, at ``watts``.
    """

    start: np.ndarray
    seconds: np.ndarray
    watts: np.ndarray


def join(parts: Sequence[Segments]) -> Segments:
    """All segments of all parts."""
    if not parts:
        return Segments(np.empty(0), np.empty(0), np.empty(0))
    return Segments(
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.seconds for part in parts]),
        np.concatenate([part.watts for part in parts]),
    )


def play(starts: np.ndarray, programs: Sequence[Program]) -> Segments:
    """Run one program from each start, its steps one after the other."""
    parts = [
        Segments(start + np.concatenate([[0.0], np.cumsum(seconds)[:-1]]), seconds, watts)
        for start, (seconds, watts) in zip(starts, programs, strict=True)
    ]
    return join(parts)


def by_slot(watts: np.ndarray) -> Segments:
    """Power that changes from slot to slot; ``watts`` of shape (n_slots,)."""
    start = np.arange(len(watts)) * float(SLOT_S)
    return Segments(start, np.full(len(watts), float(SLOT_S)), watts)


def mean_power(segments: Segments, intervals: int, period_s: int) -> np.ndarray:
    """Mean W of each interval, shape (intervals,): energy is kept to the last joule.

    >>> boil = Segments(np.array([30.0]), np.array([60.0]), np.array([2000.0]))
    >>> mean_power(boil, 3, 60).tolist()
    [1000.0, 1000.0, 0.0]
    """
    if not len(segments.start):
        return np.zeros(intervals)
    times = np.concatenate([segments.start, segments.start + segments.seconds])
    order = np.argsort(times, kind="stable")
    times = times[order]
    power = np.cumsum(np.concatenate([segments.watts, -segments.watts])[order])
    energy = np.concatenate([[0.0], np.cumsum(power[:-1] * np.diff(times))])
    edges = np.arange(intervals + 1) * float(period_s)
    return np.diff(np.interp(edges, times, energy)) / period_s
