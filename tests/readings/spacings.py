"""Stamps of any spacing, and how long readings last, in plain Python: slow, easy to believe."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
from hypothesis import strategies as st

MICRO = 1_000_000


def lasting(stamps: list[int], usual: int | None = None) -> list[int]:
    """How long each reading lasts: until the next stamp, or as long as the spacing is there."""
    if len(stamps) < 2:
        return [usual or 0] * len(stamps)
    gaps = [b - a for a, b in itertools.pairwise(stamps)]
    runs = rows_of(gaps)
    spacing: list[int] = []
    for place, (first, end) in enumerate(runs):
        near = next((run for run in runs[place::-1] if is_spacing(run, runs, gaps)), None)
        if near is not None:
            before = gaps[max(near[0], near[1] - 5) : near[1]]
            spacing += [sum(before) // len(before)] * (end - first)
            continue
        near = next((run for run in runs[place:] if is_spacing(run, runs, gaps)), None)
        if near is not None:
            after = gaps[near[0] : min(near[1], near[0] + 5)]
            spacing += [sum(after) // len(after)] * (end - first)
        else:
            spacing += [usual or most_common(runs, gaps)] * (end - first)
    lengths = []
    for place, (first, end) in enumerate(runs):
        for gap, near_by in zip(gaps[first:end], spacing[first:end], strict=True):
            whole = is_spacing(runs[place], runs, gaps) or gap <= 1.5 * near_by
            lengths.append(gap if whole else near_by)
    last_run = runs[-1]
    return [*lengths, gaps[-1] if is_spacing(last_run, runs, gaps) else spacing[-1]]


def rows_of(gaps: list[int]) -> list[tuple[int, int]]:
    """First and end of each row of gaps of which each is like the one before it."""
    starts = [0]
    for i in range(1, len(gaps)):
        if gaps[i] > 1.2 * gaps[i - 1] or gaps[i - 1] > 1.2 * gaps[i]:
            starts.append(i)
    return list(zip(starts, [*starts[1:], len(gaps)], strict=True))


def kinds_of(runs: list[tuple[int, int]], gaps: list[int]) -> dict[tuple[int, int], int]:
    """Runs whose means can be walked through in small steps are of one kind."""

    def mean(run: tuple[int, int]) -> float:
        return sum(gaps[run[0] : run[1]]) / (run[1] - run[0])

    kinds: dict[tuple[int, int], int] = {}
    kind, before = 0, 0.0
    for run in sorted(runs, key=mean):
        kind += bool(kinds) and mean(run) > 1.2 * before
        kinds[run], before = kind, mean(run)
    return kinds


def is_spacing(run: tuple[int, int], runs: list[tuple[int, int]], gaps: list[int]) -> bool:
    """Whether it is a row of three or more, which are most of their kind or no chance."""
    length = run[1] - run[0]
    if length < 3:
        return False
    kinds = kinds_of(runs, gaps)
    alike = [end - first for first, end in runs if kinds[first, end] == kinds[run]]
    in_a_row = sum(count for count in alike if count >= 3)
    by_chance = len(gaps) * (sum(alike) / len(gaps)) ** length
    return in_a_row >= 0.5 * sum(alike) or by_chance <= 0.01


def most_common(runs: list[tuple[int, int]], gaps: list[int]) -> int:
    by_run = kinds_of(runs, gaps)
    kinds = [by_run[run] for run in runs for _ in range(run[1] - run[0])]
    counts = Counter(kinds)
    most = min(counts, key=lambda kind: (-counts[kind], kind))
    alike = sorted(gap for gap, kind in zip(gaps, kinds, strict=True) if kind == most)
    return alike[(len(alike) - 1) // 2]


@st.composite
def any_stamps(draw: st.DrawFn, most: int = 60) -> np.ndarray:
    """Stamps (int64, µs) of one or several spacings, with jitter, holes and odd ones."""
    gaps: list[int] = []
    for _ in range(draw(st.integers(1, 3))):
        base = draw(st.sampled_from([1, 7, 60, 900, 1800, 3600, 86_400])) * MICRO
        jitter = draw(st.sampled_from([0, 0, base // 50, base // 5]))
        count = draw(st.integers(1, most // 3))
        for _ in range(count):
            times = draw(st.sampled_from([1, 1, 1, 1, 1, 1, 2, 5]))
            gaps.append(times * base + (draw(st.integers(-jitter, jitter)) if jitter else 0))
        if draw(st.booleans()):
            gaps.append(draw(st.integers(1, 30 * base)))
    start = draw(st.integers(0, 10**9)) * MICRO
    return start + np.cumsum([0, *gaps])
