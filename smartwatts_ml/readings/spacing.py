"""How long each reading of a device lasts, where only the stamps around it tell."""

from __future__ import annotations

import numpy as np

__all__ = ["PATIENCE", "native_interval", "own_intervals", "untold_lengths"]

PATIENCE = 1.5
"""A gap of so many intervals is one interval, written late; a longer one is a hole."""
_ALIKE = 1.2
"""Gaps that differ by less than this factor are of one spacing, written with some jitter."""
_RUN = 3
"""So many gaps alike in a row may show a spacing."""
_MOSTLY = 0.5
_BY_CHANCE = 0.01
_NEAR = 5
"""Gaps next to a hole whose mean is the spacing there."""
_RARELY = 0.1
"""So many runs of holes like one another are there by chance, where they may be a spacing."""


def native_interval(stamps: np.ndarray) -> int:
    """Most common difference of sorted int64 stamps other than 0, the smallest of equals; 0
    if there is none.

    >>> native_interval(np.array([0, 60, 120, 180, 180, 600]))
    60
    """
    steps = np.diff(stamps)
    if len(steps) and steps.min() == steps.max():
        return int(steps[0])
    steps, counts = np.unique(steps[steps > 0], return_counts=True)
    return int(steps[np.argmax(counts)]) if len(steps) else 0


def own_intervals(
    stamps: np.ndarray, usual: int | None = None, ends: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """How long each reading lasts, and the spacing that it is of; both int64, in the unit of
    ``stamps``, shape (n,).

    ``stamps``: int64, strictly increasing, of one device. A reading lasts until the next stamp,
    unless a hole follows: then as long as the spacing was before it (or else is after it).
    Gaps that come in a row are a spacing and no holes, so a spacing may change at any time.
    ``usual``: the spacing where nothing comes in a row; else the most common one. ``ends``:
    the stamps are ends, and a reading lasts since the one before. 0 where nothing tells.

    >>> own_intervals(np.array([0, 60, 120, 180, 900, 960, 1020, 1080]))[0]
    array([60, 60, 60, 60, 60, 60, 60, 60])
    >>> own_intervals(np.array([0, 60, 120, 180, 240, 1140, 2040, 2940, 3840]))[0]
    array([ 60,  60,  60,  60, 900, 900, 900, 900, 900])
    """
    if ends:
        lasting, spacing = own_intervals(-stamps[::-1], usual)
        return lasting[::-1], spacing[::-1]
    if len(stamps) < 2:
        alone = np.full(len(stamps), usual or 0)
        return alone, alone
    gaps = np.diff(stamps)
    if gaps.min() == gaps.max() and (len(gaps) >= _RUN or usual is None):
        regular = np.full(len(stamps), gaps[0])
        return regular, regular
    odd, nearest = _odd_gaps(stamps, gaps, usual)
    spacing = np.append(gaps, gaps[-1])
    spacing[odd] = nearest
    spacing[-1] = spacing[-2]
    lasting = np.append(gaps, spacing[-1])
    lasting[odd] = np.where(gaps[odd] > PATIENCE * nearest, nearest, gaps[odd])
    return lasting, spacing


def untold_lengths(
    stamps: np.ndarray, energy: np.ndarray, lasting: np.ndarray, ends: bool = False
) -> np.ndarray:
    """Which readings may be as long as the gap at them, though they are taken to be shorter; bool,
    shape (n,). Arguments as of ``own_intervals``, and what it gave; ``energy`` of each reading.

    Two holes alike in a row, or one at the very start or end, may as well be a spacing that has
    just changed, if hardly another hole is like them, and no less energy is in them than is usual.
    So may one gap at the end that is shorter than the spacing.

    >>> quarters = np.arange(40) * 15
    >>> hours = np.append(quarters, quarters[-1] + [15, 75, 135])
    >>> energy = np.append(np.full(40, 125), [500, 500, 500])
    >>> untold_lengths(hours, energy, own_intervals(hours)[0])[-4:]
    array([False,  True,  True,  True])
    >>> untold_lengths(hours, np.full(43, 125), own_intervals(hours)[0]).any()
    np.False_
    """
    if ends:
        return untold_lengths(-stamps[::-1], energy[::-1], lasting[::-1])[::-1]
    untold = np.zeros(len(stamps), bool)
    gaps = np.diff(stamps)
    if len(gaps):
        untold[-1] = PATIENCE * gaps[-1] < lasting[-1]
    holes = np.flatnonzero(gaps > lasting[:-1])
    if not len(holes):
        return untold
    usual = np.median(np.abs(energy))
    for run in np.split(holes, np.flatnonzero(np.diff(holes) > 1) + 1):
        last = len(gaps) - 1
        length = len(run) + int(run[0] == 0) + int(run[-1] == last)
        shortest, longest = gaps[run].min(), gaps[run].max()
        alike = (gaps[holes] <= _ALIKE * shortest) & (gaps[holes] >= longest / _ALIKE)
        by_chance = len(gaps) * (np.count_nonzero(alike) / len(gaps)) ** length
        if length < 2 or longest > _ALIKE * shortest or by_chance > _RARELY:
            continue
        places = np.append(run, last + 1) if run[-1] == last else run
        untold[places] |= np.mean(np.abs(energy[places])) > usual
    return untold


def _odd_gaps(
    stamps: np.ndarray, gaps: np.ndarray, usual: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """The gaps that are none of a row, by their places, and the spacing next to each."""
    cuts = np.flatnonzero(gaps[1:] != gaps[:-1])
    left, right = gaps[cuts], gaps[cuts + 1]
    starts = np.append(0, cuts[(left > _ALIKE * right) | (right > _ALIKE * left)] + 1)
    ends = np.append(starts[1:], len(gaps))
    lengths = ends - starts
    kind = _kinds((stamps[ends] - stamps[starts]) / lengths)
    steady = _is_steady(lengths, kind)
    if not steady.any():
        most = np.repeat(kind, lengths) == np.argmax(np.bincount(kind, lengths))
        common = usual or int(np.sort(gaps[most])[(np.count_nonzero(most) - 1) // 2])
        return np.arange(len(gaps)), np.full(len(gaps), common)
    runs = np.arange(len(starts))
    before = np.maximum.accumulate(np.where(steady, runs, -1))
    after = np.minimum.accumulate(np.where(steady, runs, len(runs))[::-1])[::-1]
    early, late = np.maximum(starts, ends - _NEAR), np.minimum(ends, starts + _NEAR)
    last_ones = (stamps[ends] - stamps[early]) // (ends - early)
    first_ones = (stamps[late] - stamps[starts]) // (late - starts)
    nearest = np.where(before >= 0, last_ones[before], first_ones[np.minimum(after, len(runs) - 1)])
    lengths = np.where(steady, 0, lengths)
    run = np.repeat(runs, lengths)
    odd = starts[run] + np.arange(len(run)) - (np.cumsum(lengths) - lengths)[run]
    return odd, nearest[run]


def _kinds(means: np.ndarray) -> np.ndarray:
    """A number for each kind of run, the smaller the gaps the smaller; int64, shape (n_runs,)."""
    order = np.argsort(means, kind="stable")
    kind = np.empty(len(means), np.int64)
    kind[order] = np.cumsum(np.append(False, means[order][1:] > _ALIKE * means[order][:-1]))
    return kind


def _is_steady(lengths: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Which runs of gaps alike are a spacing; bool, shape (n_runs,).

    Gaps of a spacing mostly come in a row. Those of
    holes do so by chance, and the longer the rarer.
    """
    total = lengths.sum()
    in_a_row = lengths >= _RUN
    gaps = np.bincount(kind, lengths)
    mostly = np.bincount(kind, lengths * in_a_row) >= _MOSTLY * gaps
    by_chance = total * (gaps / total)[kind] ** lengths
    return in_a_row & (mostly[kind] | (by_chance <= _BY_CHANCE))
