"""Small array operations that several packages need."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def entries_of_rows(start: NDArray[Any], counts: NDArray[Any]) -> NDArray[np.int64]:
    """The entries of some compressed rows, one after the other.

    :param start: index of each row's first entry, shape ``(num_rows,)``.
    :param counts: number of entries of each row, shape ``(num_rows,)``.
    :return: index of every entry, int64, shape ``(counts.sum(),)``.
    """
    # index of an entry = its row's start + how far into the row it is
    ends = np.cumsum(counts, dtype=np.int64)
    entries = np.arange(ends[-1] if len(ends) else 0)
    entries += np.repeat(start - (ends - counts), counts)
    return entries


def expand_rows(start: NDArray[Any], counts: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows and entries of some compressed rows, one after the other; see :func:`entries_of_rows`.

    :return: row and index of every entry, int64, each of shape ``(counts.sum(),)``.
    """
    return np.repeat(np.arange(len(counts)), counts), entries_of_rows(start, counts)
