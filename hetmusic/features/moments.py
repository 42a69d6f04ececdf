"""Mean and standard deviation of vectors that come in parts, so that a whole need not be held."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Moments:
    """Mean and population standard deviation of each column."""

    def __init__(self, columns: int) -> None:
        self.count = 0
        self._mean = np.zeros(columns)
        self._squares = np.zeros(columns)

    def add(self, rows: NDArray[np.floating]) -> None:
        """Take in some rows, shape ``(rows, columns)``; the update is that of Chan, Golub and LeVeque (1979)."""
        if not len(rows):
            return
        mean = rows.mean(axis=0, dtype=np.float64)
        squares = np.square(rows - mean).sum(axis=0)
        total = self.count + len(rows)
        shift = mean - self._mean
        self._mean += shift * (len(rows) / total)
        self._squares += squares + shift**2 * (self.count * len(rows) / total)
        self.count = total

    @property
    def mean(self) -> NDArray[np.float64]:
        """Zeros before there are rows."""
        return self._mean.copy()

    @property
    def sd(self) -> NDArray[np.float64]:
        """Zeros before there are rows."""
        return np.sqrt(self._squares / max(self.count, 1))
