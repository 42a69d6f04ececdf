"""What a ranking that knows nothing about the answers is expected to reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def chance_recall(k: int, candidates: NDArray[np.int64]) -> NDArray[np.float64]:
    """Expected recall@k of a ranking that is independent of the relevant items: k / n.

    Every relevant item is equally likely to be at each of the n places, so it is among the first k with
    probability k / n; linearity of expectation does the rest, whatever the ranking is and however many are relevant.

    :param candidates: n of every user, shape ``(users,)``.
    :return: shape ``(users,)``.
    """
    return np.asarray(np.minimum(1.0, k / candidates))


def chance_ndcg(k: int, candidates: NDArray[np.int64], relevant: NDArray[np.int64]) -> NDArray[np.float64]:
    """Expected NDCG@k of such a ranking: (R / n) · Σ_{r ≤ min(k, n)} d_r / Σ_{r ≤ min(k, R)} d_r, d_r = 1 / log2(r + 1).

    The place r holds a relevant item with probability R / n.

    :param candidates: n of every user, shape ``(users,)``.
    :param relevant: R of every user, likewise, at least 1.
    :return: shape ``(users,)``.
    """
    total = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, k + 2)))])
    gain = relevant / candidates * total[np.minimum(k, candidates)]
    return np.asarray(gain / total[np.minimum(k, relevant)])
