"""The learned vectors of items in clusters, and of users in groups: k-means of what is alike by cosine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import ConfigError

Floats = NDArray[np.float64]

#: users among whom a number of groups is chosen
_SAMPLE = 2_000
#: numbers of groups that are tried
_FEWEST, _MOST = 3, 8
#: starts of k-means, of which the best is taken
_STARTS = 4


@dataclass(frozen=True)
class Clustering:
    """Rows of a matrix in clusters, the largest first."""

    #: cluster of each row, from 0
    labels: NDArray[np.int64]
    #: means of the rows, shape ``(num_clusters, dim)``
    centres: Floats

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of rows of each cluster, descending."""
        return np.bincount(self.labels, minlength=len(self.centres))

    def nearest(self, vectors: NDArray[np.float32], count: int) -> list[NDArray[np.int64]]:
        """The rows of each cluster that are nearest to its centre, the nearest first."""
        found = []
        for number, centre in enumerate(self.centres):
            rows = np.flatnonzero(self.labels == number)
            distance = ((vectors[rows] - centre) ** 2).sum(axis=1)
            found.append(rows[np.argsort(distance, kind="stable")[:count]])
        return found


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1, none of which may be zero: their distance says what their cosine says."""
    array = np.asarray(vectors, dtype=np.float32)
    return np.asarray(array / np.linalg.norm(array, axis=1, keepdims=True))


def num_distinct(vectors: NDArray[np.float32]) -> int:
    """How many different rows there are."""
    return len({row.tobytes() for row in vectors})


def cluster(vectors: NDArray[np.float32], number: int, seed: int) -> Clustering:
    """Divide rows into so many clusters, numbered by size.

    :raises ConfigError: if there are fewer different rows than clusters.
    """
    from sklearn.cluster import KMeans

    if number > 1 and (distinct := num_distinct(vectors)) < number:
        raise ConfigError(
            f"{number} clusters were asked for, but only {distinct} of {len(vectors)} vectors are different"
        )
    found = KMeans(number, n_init=_STARTS, random_state=seed).fit(vectors)
    order = np.argsort(-np.bincount(found.labels_, minlength=number), kind="stable")
    place = np.empty(number, np.int64)
    place[order] = np.arange(number)
    return Clustering(place[found.labels_], found.cluster_centers_[order].astype(np.float64))


def natural_number(vectors: NDArray[np.float32], seed: int) -> int:
    """How many groups the rows fall into: of 3 to 8 the number with the best silhouette (Rousseeuw 1987).

    Fewer if there are fewer than 4 different rows; looked for in a sample of 2,000.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    rng = np.random.default_rng(seed)
    sample = (
        vectors
        if len(vectors) <= _SAMPLE
        else vectors[np.sort(rng.choice(len(vectors), _SAMPLE, replace=False))]
    )
    distinct = num_distinct(sample)
    if distinct <= _FEWEST:
        return distinct
    scores = {}
    for number in range(_FEWEST, min(_MOST, distinct - 1) + 1):
        labels = KMeans(number, n_init=_STARTS, random_state=seed).fit_predict(sample)
        scores[number] = float(silhouette_score(sample, labels))
    return max(scores, key=lambda number: scores[number])
