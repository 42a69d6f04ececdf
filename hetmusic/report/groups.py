"""Groups of users, found by their learned vectors and named by what they listen to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hetmusic.errors import ConfigError
from hetmusic.recommend.similar import taste
from hetmusic.report.clustering import cluster, natural_number, unit_rows
from hetmusic.report.errors import NotAvailable
from hetmusic.report.map import Described, names_of
from hetmusic.report.naming import in_words, typical

if TYPE_CHECKING:
    from hetmusic.report.source import RunSource

#: items that stand for a group
_TYPICAL_ITEMS = 5


def histories(source: RunSource) -> sparse.csr_matrix:
    """Share of every item in each user's training interactions, ``(num_users, num_items)``; rows sum to 1 or are zero."""
    train, info = source.run.split.train, source.run.info
    shape = (info.num_users, info.num_items)
    count = source.activity[train.src].astype(float)
    return sparse.csr_matrix((1.0 / count, (train.src, train.dst)), shape=shape)


def find_groups(source: RunSource) -> tuple[NDArray[np.int64], list[Described], tuple[str, ...]]:
    """Divide the users who listen to anything in training.

    :return: group of every user, from 0, -1 for a user in none; the groups; statements about them.
    :raises NotAvailable: if there are no two such users.
    :raises ConfigError: if more groups were asked for than there are such users.
    """
    vectors = taste(source.run)[0]
    users = np.flatnonzero((vectors != 0).any(axis=1) & (source.activity > 0))
    if len(users) < 2:
        raise NotAvailable(f"{len(users)} users with training interactions make no groups")
    asked, seed = source.settings.groups, source.settings.seed
    if asked is not None and asked > len(users):
        raise ConfigError(
            f"{asked} groups were asked for, but {source.path} has {len(users)} users with interactions"
        )
    rows = unit_rows(vectors[users])
    found = cluster(rows, natural_number(rows, seed) if asked is None else asked, seed)
    labels = np.full(source.run.info.num_users, -1)
    labels[users] = found.labels
    left_out = source.run.info.num_users - len(users)
    notes = (f"{left_out:,} users without training interactions are in no group.",) if left_out else ()
    return labels, describe(source, labels, len(found.centres)), notes


def group_matrix(labels: NDArray[np.int64], number: int) -> sparse.csr_matrix:
    """Means over the users of each group, ``(number, num_users)``."""
    users = np.flatnonzero(labels >= 0)
    share = 1.0 / np.bincount(labels[users], minlength=number)
    return sparse.csr_matrix((share[labels[users]], (labels[users], users)), shape=(number, len(labels)))


def describe(source: RunSource, labels: NDArray[np.int64], number: int) -> list[Described]:
    """Groups in words: genres and emotions that their listening has more of than that of all groups; every user counts
    the same."""
    taken = sparse.csr_matrix(group_matrix(labels, number) @ histories(source))
    genres, emotions = names_of(source, taken, np.arange(source.run.info.num_items))
    items = np.asarray(taken.todense())
    whole = items.mean(axis=0)
    names, sizes = source.run.item_names, np.bincount(labels[labels >= 0], minlength=number)
    described = []
    for place in range(number):
        own = [names[item] for item in typical(items[place], whole, _TYPICAL_ITEMS, least_share=0.005)]
        name = in_words(genres[place], emotions[place], f"{', '.join(own[:2])}" if own else "broad taste")
        described.append(Described(place + 1, name, int(sizes[place]), genres[place], emotions[place], own))
    return described
