"""Is one model better than another? Paired tests over users, intervals by bootstrap, corrections for many tests.

Everything works on differences: the value of a metric for one model minus that for another, user by user. Random
draws are shared by all columns of a matrix of differences, so that testing many models costs one pass.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

#: random numbers held at one time by the bootstrap and the randomisation test
_CHUNK = 4_000_000


def paired_t(differences: ArrayLike) -> Floats:
    """Two-sided p-values of Student's paired t-test that the mean difference is zero.

    :param differences: shape ``(num_users,)`` or ``(num_users, num_pairs)``.
    :return: one p-value a column, shape ``()`` or ``(num_pairs,)``; 1 where all differences are zero, 0 where all are the
        same other number, NaN for fewer than two users.
    """
    from scipy import stats

    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    mean, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
    # equal numbers have a spread of rounding errors only
    constant = np.ptp(values, axis=0) == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = mean / (sd / np.sqrt(len(values)))
    p = 2 * stats.t.sf(np.abs(statistic), len(values) - 1)
    return np.asarray(np.where(constant, np.where(values[0] == 0, 1.0, 0.0), p))


def wilcoxon(differences: ArrayLike) -> Floats:
    """Two-sided p-values of Wilcoxon's signed-rank test; users without a difference are left out (Wilcoxon 1945).

    :param differences: shape ``(num_users,)`` or ``(num_users, num_pairs)``.
    :return: one p-value a column; 1 where all differences are zero.
    """
    from scipy import stats

    values = np.asarray(differences, dtype=np.float64)
    columns = values.reshape(len(values), -1).T
    found = [stats.wilcoxon(column).pvalue if column.any() else 1.0 for column in columns]
    return np.asarray(found, dtype=np.float64).reshape(values.shape[1:])


def randomisation(differences: ArrayLike, draws: int = 10_000, seed: int = 0) -> Floats:
    """Two-sided p-values of the paired randomisation test (Fisher 1935; Smucker et al. 2007).

    If two models are alike, each user's difference could as well have the other sign. The p-value is the share of
    random sign changes whose mean is at least as far from zero, the observed signs counted as one of them.

    :param differences: shape ``(num_users,)`` or ``(num_users, num_pairs)``.
    :param draws: number of random sign changes; the smallest possible p-value is ``1 / (draws + 1)``.
    :return: one p-value a column.
    """
    values = np.asarray(differences, dtype=np.float64)
    matrix = values.reshape(len(values), -1)
    observed = np.abs(matrix.sum(axis=0))
    # sums of the same numbers in another order differ by rounding errors
    reached = observed - 1e-12 * np.abs(matrix).sum(axis=0)
    extreme = np.zeros(matrix.shape[1], dtype=np.int64)
    rng = np.random.default_rng(seed)
    for size in _chunks(draws, len(matrix)):
        signs = rng.integers(0, 2, (size, len(matrix)), dtype=np.int8).astype(np.float64) * 2 - 1
        extreme += (np.abs(signs @ matrix) >= reached).sum(axis=0)
    return np.asarray((extreme + 1) / (draws + 1)).reshape(values.shape[1:])


def bootstrap_means(values: ArrayLike, resamples: int = 2_000, seed: int = 0) -> Floats:
    """Means over users drawn with replacement (Efron 1979).

    :param values: shape ``(num_users,)`` or ``(num_users, num_columns)``; a resample takes whole rows, so that
        differences and ratios of columns stay paired.
    :return: shape ``(resamples,)`` or ``(resamples, num_columns)``.
    """
    array = np.asarray(values, dtype=np.float64)
    matrix = array.reshape(len(array), -1)
    rng = np.random.default_rng(seed)
    means = []
    for size in _chunks(resamples, len(matrix)):
        drawn = rng.integers(0, len(matrix), (size, len(matrix)))
        rows = np.repeat(np.arange(size), len(matrix))
        counts = np.bincount(rows * len(matrix) + drawn.ravel(), minlength=size * len(matrix))
        means.append(counts.reshape(size, -1) @ matrix / len(matrix))
    return np.concatenate(means).reshape(resamples, *array.shape[1:])


def interval(samples: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """The percentile interval of bootstrap samples.

    :param samples: shape ``(resamples, ...)``.
    :return: lower and upper ends, each of shape ``(...)``.
    """
    tail = (1 - level) / 2
    low, high = np.quantile(np.asarray(samples, dtype=np.float64), [tail, 1 - tail], axis=0)
    return low, high


def holm(p_values: ArrayLike) -> Floats:
    """P-values adjusted for being one family of tests, by Holm's step-down method (Holm 1979).

    The chance of one false discovery or more among all of them is at most alpha if those with an adjusted value of at
    most alpha are taken for true. NaN is passed through and counts as no test.

    :param p_values: shape ``(num_tests,)``.
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def _chunks(total: int, width: int) -> Iterator[int]:
    """Numbers of rows of ``width`` that fit into memory, which sum to ``total``."""
    at_once = max(1, _CHUNK // max(width, 1))
    for start in range(0, total, at_once):
        yield min(at_once, total - start)
