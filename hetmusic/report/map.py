"""Items in clusters with names: what the figures of clusters and of user groups have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hetmusic.errors import ConfigError
from hetmusic.recommend.similar import taste
from hetmusic.report.clustering import Clustering, cluster, num_distinct, unit_rows
from hetmusic.report.errors import NotAvailable
from hetmusic.report.naming import in_words, typical

if TYPE_CHECKING:
    from hetmusic.report.source import RunSource
    from hetmusic.report.traits import Traits

#: unless another number is asked for
CLUSTERS = 10
#: items for each cluster at least, unless a number is asked for
_ITEMS_EACH = 3
#: items that stand for a cluster
_TYPICAL_ITEMS = 5
_GENRES, _EMOTIONS = 2, 1
#: a cluster is one of items without listeners if so many of them have none
_UNHEARD = 0.9


@dataclass(frozen=True)
class Described:
    """A cluster of items, or a group of users, in words."""

    #: from 1, the largest first
    number: int
    name: str
    size: int
    genres: list[str]
    emotions: list[str]
    #: names of the items nearest to the centre, or most typical of the users
    items: list[str]


@dataclass(frozen=True)
class ItemMap:
    """The items that have a learned vector."""

    #: their indices, ascending, shape ``(n,)``
    items: NDArray[np.int64]
    #: their vectors, of length 1, shape ``(n, dim)``
    vectors: NDArray[np.float32]
    clustering: Clustering
    clusters: list[Described]
    #: row of the item nearest to each centre
    nearest: list[int]
    notes: tuple[str, ...]


def map_items(source: RunSource) -> ItemMap:
    """Find the clusters of the items.

    :raises NotAvailable: if no item has a vector.
    :raises ConfigError: if more clusters were asked for than there are items.
    """
    vectors = taste(source.run)[1]
    items = np.flatnonzero((vectors != 0).any(axis=1))
    if not len(items):
        raise NotAvailable(
            f"{source.path} has learned nothing of any {source.item_type}: all vectors are zero"
        )
    rows = unit_rows(vectors[items])
    number, notes = _number(source, rows)
    clustering = cluster(rows, number, source.settings.seed)
    near = clustering.nearest(rows, _TYPICAL_ITEMS)
    names = source.run.item_names
    membership = _membership(clustering.labels, number)
    genres, emotions = names_of(source, membership, items)
    described = []
    for place in range(number):
        typical_items = [names[items[row]] for row in near[place]]
        name = in_words(genres[place], emotions[place], f"like {', '.join(typical_items[:2])}")
        members = items[clustering.labels == place]
        if (source.listeners[members] == 0).mean() >= _UNHEARD:
            name = f"not heard in training: {name}"
        size = int(clustering.sizes[place])
        described.append(Described(place + 1, name, size, genres[place], emotions[place], typical_items))
    without = source.run.info.num_items - len(items)
    if without:
        notes = (*notes, f"{without:,} {source.item_type}s without a learned vector are left out.")
    return ItemMap(items, rows, clustering, described, [int(rows_[0]) for rows_ in near], notes)


def _number(source: RunSource, rows: NDArray[np.float32]) -> tuple[int, tuple[str, ...]]:
    count = len(rows)
    asked = source.settings.clusters
    if asked is not None:
        if asked > count:
            raise ConfigError(
                f"{asked} clusters were asked for, but {source.path} has {count} {source.item_type}s"
            )
        return asked, ()
    distinct = num_distinct(rows)
    number = min(CLUSTERS, max(1, count // _ITEMS_EACH), distinct)
    if number == CLUSTERS:
        return number, ()
    different = "" if distinct > number else f" with {distinct} different vectors"
    clusters = "1 cluster" if number == 1 else f"{number} clusters"
    return number, (f"{clusters}, since there are {count} {source.item_type}s{different}.",)


def _membership(labels: NDArray[np.int64], number: int) -> sparse.csr_matrix:
    """Which row belongs to which cluster, ``(number, len(labels))``."""
    return sparse.csr_matrix(
        (np.ones(len(labels)), (labels, np.arange(len(labels)))), shape=(number, len(labels))
    )


def names_of(
    source: RunSource, parts: sparse.csr_matrix, items: NDArray[np.int64]
) -> tuple[list[list[str]], list[list[str]]]:
    """Typical genres and emotions of parts of the items.

    :param parts: weights of the items in each part, ``(num_parts, len(items))``.
    :return: a list of names for each part, empty where nothing is typical of it or the graph is gone.
    """
    try:
        kinds = [(source.genres, _GENRES), (source.emotion_words, _EMOTIONS)]
    except NotAvailable:
        kinds = [(None, 0), (None, 0)]
    genres, emotions = (_typical_of(parts, traits, items, count) for traits, count in kinds)
    return genres, emotions


def _typical_of(
    parts: sparse.csr_matrix, traits: Traits | None, items: NDArray[np.int64], count: int
) -> list[list[str]]:
    if traits is None:
        return [[] for _ in range(parts.shape[0])]
    sums = np.asarray((parts @ traits.shares[items]).todense())
    totals = sums.sum(axis=1, keepdims=True)
    shares = np.divide(sums, totals, out=np.zeros_like(sums), where=totals > 0)
    whole = sums.sum(axis=0) / max(sums.sum(), 1e-300)
    return [[traits.names[index] for index in typical(part, whole, count)] for part in shares]
