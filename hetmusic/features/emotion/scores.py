"""How well predictions of a continuous rating agree with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """Three measures over the same songs."""

    #: share of the ratings' variance that is explained; 0 for the mean rating, below 0 for worse
    r2: float
    #: concordance correlation coefficient (Lin 1989), in [-1, 1]: correlation that also punishes another mean or spread
    ccc: float
    #: root mean square error, in units of the ratings
    rmse: float

    def __str__(self) -> str:
        return f"R² {self.r2:.3f}, CCC {self.ccc:.3f}, RMSE {self.rmse:.3f}"


def agreement(truth: FloatArray, predicted: FloatArray) -> Agreement:
    """Compare predictions with ratings.

        R² = 1 - Σ (t - p)² / Σ (t - mean t)²
        CCC = 2 cov(t, p) / (var t + var p + (mean t - mean p)²)

    Where all ratings are alike R² is 0, and where predictions are as well CCC is 0: nothing is explained.

    :param truth: shape ``(songs,)``, at least one.
    :param predicted: likewise.
    """
    error = float(np.mean((truth - predicted) ** 2))
    variance = float(np.var(truth))
    covariance = float(np.mean((truth - truth.mean()) * (predicted - predicted.mean())))
    spread = variance + float(np.var(predicted)) + float(truth.mean() - predicted.mean()) ** 2
    return Agreement(
        r2=1.0 - error / variance if variance > 0 else 0.0,
        ccc=2.0 * covariance / spread if spread > 0 else 0.0,
        rmse=float(np.sqrt(error)),
    )
