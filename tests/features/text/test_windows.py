"""Cutting sequences, pooling their windows, and which are computed together."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.features.text.windows import batches, cut, pool


@pytest.mark.parametrize(
    ("length", "overlap", "windows"),
    [
        (1, 0, [(0, 1)]),
        (10, 0, [(0, 10)]),
        (10, 3, [(0, 10)]),
        (11, 0, [(0, 10), (10, 11)]),
        (11, 3, [(0, 10), (7, 11)]),
        (17, 3, [(0, 10), (7, 17)]),
        (18, 3, [(0, 10), (7, 17), (14, 18)]),
    ],
)
def test_cut(length: int, overlap: int, windows: list[tuple[int, int]]) -> None:
    assert cut(length, 10, overlap) == windows


@given(st.integers(1, 500), st.integers(1, 50), st.data())
def test_windows_cover_everything_and_overlap_as_asked(
    length: int, capacity: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, capacity - 1))
    windows = cut(length, capacity, overlap)
    assert windows[0][0] == 0
    assert windows[-1][1] == length
    assert all(end - start == capacity for start, end in windows[:-1])
    assert all(first[1] - second[0] == overlap for first, second in itertools.pairwise(windows))
    # the last one brings something new
    assert len(windows) == 1 or windows[-1][1] > windows[-2][1]


def test_windows_count_by_their_length() -> None:
    vectors = np.array([[1, 0], [0, 1], [4, 4]], np.float32)
    np.testing.assert_allclose(pool(vectors, [[3, 1], [7]]), [[0.75, 0.25], [4, 4]])


def test_batches_are_of_like_length() -> None:
    """Ten tokens: two of five, then (longest three) three of them."""
    parts = list(batches([3, 5, 1, 5, 2, 20], 10))
    assert [part.tolist() for part in parts] == [[5], [1, 3], [0, 4, 2]]


@given(st.lists(st.integers(1, 60), max_size=60), st.integers(1, 100))
def test_batches_have_each_sequence_once_within_the_limit(lengths: list[int], limit: int) -> None:
    parts = [part.tolist() for part in batches(lengths, limit)]
    assert sorted(itertools.chain.from_iterable(parts)) == list(range(len(lengths)))
    assert all(len(part) == 1 or len(part) * max(lengths[i] for i in part) <= limit for part in parts)
