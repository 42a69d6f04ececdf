"""Ranking metrics: what share of the held-out items a list finds, and how high it puts them.

For a user, ``R`` is the set of held-out (relevant) items, ``|R| >= 1``; ``hit_r`` is 1 if the item at rank r
(r = 1 is the top) is in ``R``, else 0; K is the length of the list. A list shorter than K (a small catalogue)
has misses in the remaining places. See ``docs/metrics.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.ranking.seen import UserItems

Floats = NDArray[np.float64]
#: ``(hits, num_relevant) -> values``: bool ``(n, K)`` and int ``(n,)`` to float64 ``(n,)``
UserMetric = Callable[[NDArray[np.bool_], NDArray[np.int64]], Floats]
#: ``(items, num_candidates) -> value``: int ``(n, K)``, -1 for an empty place, and the size of the catalogue
CatalogueMetric = Callable[[NDArray[np.int32], int], float]

#: the metrics that have a value for every user, by name
USER_METRICS: dict[str, UserMetric] = {}
#: the metrics of all the lists together, by name
CATALOGUE_METRICS: dict[str, CatalogueMetric] = {}


def _register(name: str) -> Callable[[UserMetric], UserMetric]:
    def add(function: UserMetric) -> UserMetric:
        USER_METRICS[name] = function
        return function

    return add


@_register("precision")
def precision(hits: NDArray[np.bool_], num_relevant: NDArray[np.int64]) -> Floats:
    """Share of the list that is relevant: ``sum_r hit_r / K``."""
    return np.asarray(hits.sum(axis=1) / hits.shape[1])


@_register("recall")
def recall(hits: NDArray[np.bool_], num_relevant: NDArray[np.int64]) -> Floats:
    """Share of the relevant items that the list finds: ``sum_r hit_r / |R|``."""
    return np.asarray(hits.sum(axis=1) / num_relevant)


@_register("ndcg")
def ndcg(hits: NDArray[np.bool_], num_relevant: NDArray[np.int64]) -> Floats:
    """Discounted cumulative gain, binary: ``sum_r hit_r / log2(r + 1)`` over that of the best possible list.

    The best possible list has ``min(|R|, K)`` hits at its top.
    """
    discount = 1.0 / np.log2(np.arange(2, hits.shape[1] + 2))
    ideal = np.cumsum(discount)[np.minimum(num_relevant, hits.shape[1]) - 1]
    # not a matrix product: its rounding would depend on which other users are in the batch
    return np.asarray((hits * discount).sum(axis=1) / ideal)


@_register("hitrate")
def hitrate(hits: NDArray[np.bool_], num_relevant: NDArray[np.int64]) -> Floats:
    """1 if the list has at least one hit, else 0."""
    return np.asarray(hits.any(axis=1), dtype=np.float64)


@_register("mrr")
def reciprocal_rank(hits: NDArray[np.bool_], num_relevant: NDArray[np.int64]) -> Floats:
    """Reciprocal rank of the first hit: ``1 / min{r : hit_r = 1}``, 0 without a hit."""
    return np.asarray(hits.any(axis=1) / (hits.argmax(axis=1) + 1.0))


@_register("map")
def average_precision(hits: NDArray[np.bool_], num_relevant: NDArray[np.int64]) -> Floats:
    """Average precision: ``sum_r hit_r * precision@r / min(|R|, K)``.

    Divided by the number of hits that are possible, so that a perfect list has 1; trec_eval's ``map_cut``
    divides by ``|R|``.
    """
    precision_at = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return np.asarray((hits * precision_at).sum(axis=1) / np.minimum(num_relevant, hits.shape[1]))


def coverage(items: NDArray[np.int32], num_candidates: int) -> float:
    """Share of the candidate items that are in at least one user's list."""
    return len(np.unique(items[items >= 0])) / num_candidates


CATALOGUE_METRICS["coverage"] = coverage

#: every metric's name, in the order of presentation
METRIC_NAMES: tuple[str, ...] = (*USER_METRICS, *CATALOGUE_METRICS)


@dataclass(frozen=True)
class RankedHits:
    """Lists of recommendations judged against the held-out items."""

    #: bool, shape ``(num_users, K)``: is the item at this place relevant?
    hits: NDArray[np.bool_]
    #: int64, shape ``(num_users,)``: ``|R|``
    num_relevant: NDArray[np.int64]

    @classmethod
    def judge(cls, items: NDArray[np.int32], users: NDArray[Any], relevant: UserItems) -> RankedHits:
        """Look each list up in the user's held-out items.

        :param items: shape ``(num_users, K)``, as :func:`~hetmusic.ranking.topk.top_k` returns them.
        :param users: the user index of each row.
        :raises ValueError: if a user has no held-out item, for whom no metric is defined.
        """
        num_relevant = relevant.counts(users)
        if not num_relevant.all():
            raise ValueError(
                f"{np.count_nonzero(num_relevant == 0)} of {len(users)} users have no held-out item"
            )
        return cls(relevant.contains(users, items), num_relevant)

    def measure(self, name: str, k: int) -> Floats:
        """Values of one metric at cutoff ``k``, shape ``(num_users,)``.

        :raises ValueError: if the lists are shorter than ``k``.
        """
        if not 1 <= k <= self.hits.shape[1]:
            raise ValueError(f"cutoff {k} of lists with {self.hits.shape[1]} places")
        return USER_METRICS[name](self.hits[:, :k], self.num_relevant)


def metric_names(names: Sequence[str] | None) -> tuple[str, ...]:
    """Check a choice of metrics; None stands for all.

    :raises ConfigError: for a name that is not known or comes twice.
    """
    if names is None:
        return METRIC_NAMES
    if isinstance(names, str):
        names = [names]
    for name in names:
        if name not in METRIC_NAMES:
            raise ConfigError(
                f"unknown metric {name!r}{did_you_mean(name, METRIC_NAMES)}; known: {', '.join(METRIC_NAMES)}"
            )
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"metrics are {list(names)}: at least one, each once")
    return tuple(names)


def cutoffs(ks: Sequence[int]) -> tuple[int, ...]:
    """Check the list lengths, and sort them.

    :raises ConfigError: if there is none, one is not a positive whole number or comes twice.
    """
    bad = [k for k in ks if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1]
    if bad:
        raise ConfigError(f"cutoff {bad[0]!r} is not a positive whole number")
    if not ks or len(set(ks)) < len(ks):
        raise ConfigError(f"cutoffs are {list(ks)}: at least one, each once")
    return tuple(sorted(int(k) for k in ks))


def parse_metric(key: str) -> tuple[str, int]:
    """Read ``"ndcg@10"`` as ``("ndcg", 10)``.

    :raises ConfigError: if the text has another form, or names an unknown metric or cutoff.
    """
    name, at, cutoff = key.partition("@")
    if not at or not cutoff.isascii() or not cutoff.isdecimal():
        raise ConfigError(f"{key!r} is not a metric with a cutoff, such as 'ndcg@10'")
    return metric_names([name])[0], cutoffs([int(cutoff)])[0]
