"""The most similar items of every item, without ever holding all similarities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

#: entries of a block of similarities if it were dense; bounds the working memory to a few hundred MB
_BLOCK_CELLS = 1 << 22

#: rows, columns and values of some similarities -> their values on another scale
Rescale = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]], NDArray[np.float64]]


def block_rows(num_items: int) -> int:
    """How many items are compared with all others at a time."""
    return max(1, _BLOCK_CELLS // max(num_items, 1))


def nearest_items(left: sp.csr_matrix, right: sp.csr_matrix, k: int, rescale: Rescale) -> sp.csr_matrix:
    """The k largest entries of every row of a rescaled product ``left @ right``, its diagonal left out.

    :param left: shape ``(num_items, num_users)``.
    :param right: shape ``(num_users, num_items)``.
    :param k: entries kept a row; equal values go to the lower column.
    :param rescale: applied to the entries of the product that are not zero.
    :return: float64, shape ``(num_items, num_items)``.
    """
    num_items = left.shape[0]
    step = block_rows(num_items)
    blocks = []
    for start in range(0, num_items, step):
        block = (left[start : start + step] @ right).tocoo()
        rows, columns = block.row.astype(np.int64), block.col.astype(np.int64)
        # a product may hold zeros, of which no cosine can be taken
        other = (rows + start != columns) & (block.data != 0)
        rows, columns, values = rows[other], columns[other], block.data[other].astype(np.float64)
        values = rescale(rows + start, columns, values)
        blocks.append(largest_of_rows(rows, columns, values, block.shape, k))
    return sp.vstack(blocks, format="csr") if blocks else sp.csr_matrix((num_items, num_items))


def largest_of_rows(
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    values: NDArray[np.float64],
    shape: tuple[int, int],
    k: int,
) -> sp.csr_matrix:
    """A sparse matrix of the k largest values of every row; equal values go to the lower column."""
    order = np.lexsort((columns, -values, rows))
    counts = np.bincount(rows, minlength=shape[0])
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = order[place < k]
    return sp.csr_matrix((values[kept], (rows[kept], columns[kept])), shape=shape)
