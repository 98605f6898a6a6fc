"""Runs in arrays against what a loop finds."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smartwatts_ml.readings.run_lengths import equal_runs, long_runs, true_runs


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 5))
def test_long_runs_are_those_that_a_loop_finds(marks: list[bool], count: int) -> None:
    expected = []
    for i, mark in enumerate(marks):
        first = next((k + 1 for k in range(i, -1, -1) if not marks[k]), 0)
        end = next((k for k in range(i, len(marks)) if not marks[k]), len(marks))
        expected.append(mark and end - first >= count)
    assert long_runs(np.array(marks, bool), count).tolist() == expected


@given(st.lists(st.integers(0, 2), max_size=40))
def test_runs_are_equal_inside_and_differ_at_their_edges(values: list[int]) -> None:
    array = np.array(values, int)
    first, end = equal_runs(array)
    assert np.array_equal(np.repeat(array[first], end - first), array)
    assert all(array[a] != array[b] for a, b in itertools.pairwise(first))


@given(st.lists(st.booleans(), max_size=80), st.integers(0, 10))
def test_true_runs_cover_all_that_is_true_and_lie_apart(marks: list[bool], pause: int) -> None:
    mask = np.array(marks, bool)
    first, end = true_runs(mask, pause=pause)
    assert mask[first].all() and mask[end - 1].all()
    inside = np.zeros(len(mask), bool)
    for a, b in zip(first, end, strict=True):
        inside[a:b] = True
    assert not (mask & ~inside).any()
    assert (first[1:] - end[:-1] > pause).all()


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_a_true_run_ends_where_neighbours_are_apart(rows: list[tuple[bool, bool]]) -> None:
    mask, apart = np.array(rows, bool).T
    first, end = true_runs(mask, apart=apart[1:])
    expected = [i for i in range(len(mask)) if mask[i] and (i == 0 or apart[i] or not mask[i - 1])]
    assert first.tolist() == expected
    assert (end - first).sum() == mask.sum()
