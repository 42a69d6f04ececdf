"""Texts that are longer than a model can read, in overlapping windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def cut(length: int, capacity: int, overlap: int) -> list[tuple[int, int]]:
    """Start and end of the windows over a sequence: every one full but the last, which ends with the sequence.

    :param length: of the sequence, at least 1.
    :param capacity: length of a window.
    :param overlap: how much of a window the next one repeats, less than ``capacity``.
    """
    step = capacity - overlap
    starts = range(0, max(length - overlap, 1), step)
    return [(start, min(start + capacity, length)) for start in starts]


def pool(vectors: NDArray[np.float32], lengths: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Mean of each text's windows, a window counting by its number of tokens.

    :param vectors: of all windows, text by text, shape ``(windows, dim)``.
    :param lengths: of each text's windows.
    :return: shape ``(texts, dim)``.
    """
    pooled = np.empty((len(lengths), vectors.shape[1]), np.float32)
    end = 0
    for row, weights in enumerate(lengths):
        start, end = end, end + len(weights)
        pooled[row] = np.average(vectors[start:end], axis=0, weights=weights)
    return pooled


def batches(lengths: Sequence[int], tokens: int) -> Iterator[NDArray[np.intp]]:
    """Which sequences to compute together: longest first, so that little is padded and memory ends early or not at all.

    :param tokens: so many a batch may have, padding included; a sequence alone may have more.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    start = 0
    while start < len(order):
        size = max(1, tokens // max(lengths[order[start]], 1))
        yield order[start : start + size]
        start += size
