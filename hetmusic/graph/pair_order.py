"""The order in which pairs of node indices are stored, checked a piece at a time."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

_ROWS = 1 << 20


def pair_codes(src: pl.Series, dst: pl.Series) -> NDArray[np.int64]:
    """One number for each pair of node indices, in whose order the pairs are sorted by (src, dst)."""
    codes: NDArray[np.int64] = src.to_numpy().astype(np.int64)
    codes <<= 32
    codes += dst.to_numpy()
    return codes


def increase(src: pl.Series, dst: pl.Series) -> bool:
    """Whether pairs are sorted by (src, dst), none occurring twice; needs memory for a piece of them alone."""
    for start in range(0, len(src), _ROWS):
        # one row more than a piece, so that pieces are compared with each other as well
        codes = pair_codes(src.slice(start, _ROWS + 1), dst.slice(start, _ROWS + 1))
        if not (codes[1:] > codes[:-1]).all():
            return False
    return True
