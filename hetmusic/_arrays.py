"""Small array operations that several packages need."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def expand_rows(start: NDArray[Any], counts: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The entries of some compressed rows, one after the other.

    :param start: index of each row's first entry, shape ``(num_rows,)``.
    :param counts: number of entries of each row, shape ``(num_rows,)``.
    :return: row and index of every entry, int64, each of shape ``(counts.sum(),)``.
    """
    rows = np.repeat(np.arange(len(counts)), counts)
    # index of an entry = its row's start + how far into the row it is
    offsets = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, start[rows] + offsets
