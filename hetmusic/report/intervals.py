"""95 % intervals of means over users, for other users of the same service."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hetmusic.evaluation.significance import bootstrap_means, interval

Floats = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 2_000
#: with more users a mean is so close to normal that the bootstrap shows nothing else
MAX_BOOTSTRAP = 20_000
#: quantile of the normal distribution that leaves 2.5 % above
_NORMAL = 1.959963984540054
#: what tables and captions call it
HOW = "95 % intervals by bootstrap over users"


def mean_interval(values: Floats, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Means of columns with the ends of their intervals.

    :param values: shape ``(num_users, num_columns)``.
    :return: mean, low, high, each ``(num_columns,)``; the ends are NaN for fewer than two users.
    """
    mean = values.mean(axis=0)
    if len(values) < 2:
        return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    if len(values) > MAX_BOOTSTRAP:
        half = _NORMAL * values.std(axis=0, ddof=1) / math.sqrt(len(values))
        return mean, mean - half, mean + half
    low, high = interval(bootstrap_means(values, RESAMPLES, seed), LEVEL)
    return mean, low, high


def ratio_interval(parts: Floats, wholes: Floats, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Sum of the parts over sum of the wholes, column by column, with the ends of the intervals.

    Users are drawn, each with all its parts and wholes.

    :param parts: shape ``(num_users, num_columns)``, e.g. hits; ``wholes`` likewise, e.g. what was to be found.
    :return: ratio, low, high, each ``(num_columns,)``; NaN where the wholes are zero, ends NaN for fewer than two users.
    """
    columns = parts.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = parts.sum(axis=0) / wholes.sum(axis=0)
        if len(parts) < 2:
            return ratio, np.full_like(ratio, np.nan), np.full_like(ratio, np.nan)
        if len(parts) > MAX_BOOTSTRAP:  # linearised (Cochran 1977, section 6.3)
            spread = (parts - ratio * wholes).std(axis=0, ddof=1) / wholes.mean(axis=0)
            half = _NORMAL * spread / math.sqrt(len(parts))
            return ratio, ratio - half, ratio + half
        drawn = bootstrap_means(np.hstack([parts, wholes]), RESAMPLES, seed)
        samples = drawn[:, :columns] / drawn[:, columns:]
    low, high = (np.nanquantile(_some(samples), tail, axis=0) for tail in (0.025, 0.975))
    return ratio, low, high


def _some(samples: Floats) -> Floats:
    """Columns without any number become zeros, which nothing shows, since their ratio is NaN as well."""
    return np.where(np.isnan(samples).all(axis=0), 0.0, samples)


def shown(value: float, low: float, high: float, digits: int = 4) -> str:
    """``0.2599 [0.2501, 0.2690]``, for tables."""
    if not math.isfinite(value):
        return "–"
    ends = f" [{low:.{digits}f}, {high:.{digits}f}]" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{value:.{digits}f}{ends}"
