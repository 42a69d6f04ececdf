"""The best K items of every user out of the whole catalogue, exactly, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import UserError
from hetmusic.ranking.scorer import EmbeddingScorer, Scorer
from hetmusic.ranking.seen import SeenItems

#: working bytes per (user, item) cell of a tile: the score (4), a mask (1), and slack for the scorer's arrays
_CELL_BYTES = 8
#: larger tiles save nothing more: a tile of this many cells (16 MB of scores) already hides Python's overhead
_MAX_CELLS = 1 << 22
#: users of a tile while the catalogue is wide: enough for an efficient matrix product
_TILE_USERS = 256
#: how many consecutive groups an item tile is folded into at most when its threshold is estimated
_FOLDS = 32
#: bound on the working memory in MB unless another is asked for
DEFAULT_MEMORY_MB = 256.0
_LOWEST = np.float32(np.finfo(np.float32).min)

Ranking = tuple[NDArray[np.int32], NDArray[np.float32]]


class ScoreError(UserError):
    """Scores that cannot be ranked: not a number, or infinitely large."""


def top_k(
    scorer: Scorer,
    users: NDArray[Any],
    k: int,
    exclude: SeenItems | None = None,
    item_subset: NDArray[Any] | None = None,
    memory_mb: float = DEFAULT_MEMORY_MB,
    device: str = "cpu",
) -> Ranking:
    """Rank the catalogue for each user and keep the best ``k`` items.

    The result is that of a full sort by descending score, equal scores by ascending item index, whatever the
    tile size; but only a tile of scores exists at any time, never users times items.

    :param scorer: gives the scores.
    :param users: user indices, shape ``(n,)``.
    :param k: length of the lists; it may exceed the size of the catalogue.
    :param exclude: items that are never returned, per user; users beyond its rows have none.
    :param item_subset: candidate items, in any order; all items if None.
    :param memory_mb: bound on the working memory in MB; the result (``8 n k`` bytes) and the scorer's own
        scratch come on top.
    :param device: ``cuda`` or ``cuda:N`` scores by torch on that GPU, in tiles that fit its memory, if the scorer is an
        :class:`~hetmusic.ranking.scorer.EmbeddingScorer`; the lists are the same.
    :return: items, int32, and scores, float32, each of shape ``(n, k)``, best first. Where fewer than ``k``
        candidates remain the item is -1 and the score ``-inf``.
    :raises ValueError: if ``k`` is not positive or ``item_subset`` names an item that does not exist.
    :raises ScoreError: if a score is NaN or ``+inf``.
    """
    if k < 1:
        raise ValueError(f"k is {k} but a list has at least one place")
    users = np.asarray(users, dtype=np.int64)
    candidates = _candidate_mask(item_subset, scorer.num_items)
    if device != "cpu" and type(scorer) is EmbeddingScorer and len(users) and scorer.num_items:
        return _by_torch(scorer, users, k, exclude, candidates, device)
    return _by_numpy(scorer, users, k, exclude, candidates, memory_mb)


def _by_torch(
    scorer: EmbeddingScorer,
    users: NDArray[np.int64],
    k: int,
    exclude: SeenItems | None,
    candidates: NDArray[np.bool_] | None,
    device: str,
) -> Ranking:
    import torch  # which nothing else here needs

    from hetmusic.ranking.on_device import DeviceRanker

    filled = min(k, scorer.num_items)
    ranker = DeviceRanker(scorer, exclude, candidates, torch.device(device))
    (items, scores), odd = ranker.rank(users, filled)
    if len(odd):  # scores that are no numbers are refused there
        items[odd], scores[odd] = _by_numpy(
            scorer, users[odd], filled, exclude, candidates, DEFAULT_MEMORY_MB
        )
    places = ((0, 0), (0, k - filled))
    return np.pad(items, places, constant_values=-1), np.pad(scores, places, constant_values=-np.inf)


def _by_numpy(
    scorer: Scorer,
    users: NDArray[np.int64],
    k: int,
    exclude: SeenItems | None,
    candidates: NDArray[np.bool_] | None,
    memory_mb: float,
) -> Ranking:
    items_out = np.full((len(users), k), -1, dtype=np.int32)
    scores_out = np.full((len(users), k), -np.inf, dtype=np.float32)
    filled = min(k, scorer.num_items)
    tile_users, tile_items = tile_shape(len(users), scorer.num_items, filled, memory_mb)
    for begin in range(0, len(users), tile_users):
        batch = slice(begin, min(begin + tile_users, len(users)))
        for start, stop in _item_tiles(scorer.num_items, tile_items, candidates):
            tile = _masked_scores(scorer, users[batch], start, stop, exclude, candidates)
            _merge(items_out[batch, :filled], scores_out[batch, :filled], tile, start)
    return items_out, scores_out


def tile_shape(num_users: int, num_items: int, k: int, memory_mb: float) -> tuple[int, int]:
    """Users and items of a tile whose working memory stays within ``memory_mb``.

    Both are at least 1, so a budget below what a single list takes (some hundred bytes a place) is exceeded.
    """
    budget = memory_mb * 1e6
    # merging holds eight arrays of (list + newcomers) per user beside the tile, of up to 8 bytes each
    per_user = 64 * (k + _newcomers_limit(k))
    users = max(1, min(num_users, _TILE_USERS, int(budget / 2 / per_user)))
    cells = min(_MAX_CELLS, max(1, int((budget - users * per_user) / _CELL_BYTES)))
    items = max(1, min(num_items, cells // users))
    # a narrow catalogue leaves room for more users
    users = max(users, min(num_users, cells // items, int(budget / 2 / per_user)))
    return users, items


def tile_bytes(num_users: int, num_items: int, k: int, memory_mb: float = DEFAULT_MEMORY_MB) -> int:
    """Working memory that ranking so many users takes, the lists themselves included."""
    filled = min(k, num_items)
    users, items = tile_shape(num_users, num_items, filled, memory_mb)
    return users * items * _CELL_BYTES + users * 64 * (filled + _newcomers_limit(filled)) + 8 * num_users * k


def _candidate_mask(item_subset: NDArray[Any] | None, num_items: int) -> NDArray[np.bool_] | None:
    if item_subset is None:
        return None
    subset = np.asarray(item_subset, dtype=np.int64)
    if len(subset) and not (subset.min() >= 0 and subset.max() < num_items):
        raise ValueError(f"item_subset names items {subset.min()} to {subset.max()} of {num_items}")
    mask = np.zeros(num_items, dtype=bool)
    mask[subset] = True
    return mask


def _item_tiles(
    num_items: int, tile_items: int, candidates: NDArray[np.bool_] | None
) -> Iterator[tuple[int, int]]:
    """Ascending ``(start, stop)`` that cover the catalogue, less the tiles without any candidate."""
    for start in range(0, num_items, tile_items):
        stop = min(start + tile_items, num_items)
        if candidates is None or candidates[start:stop].any():
            yield start, stop


def _masked_scores(
    scorer: Scorer,
    users: NDArray[np.int64],
    start: int,
    stop: int,
    exclude: SeenItems | None,
    candidates: NDArray[np.bool_] | None,
) -> NDArray[np.float32]:
    """One tile of scores in which everything that may not be recommended is ``-inf``."""
    tile = scorer.scores(users, start, stop)
    if tile.shape != (len(users), stop - start):
        raise ValueError(f"the scorer returned shape {tile.shape} for {len(users)} x {stop - start} pairs")
    tile = tile.astype(np.float32, copy=False)
    _check_scores(tile, users, start)
    if exclude is not None:
        known = np.flatnonzero(users < exclude.num_users)
        rows, columns = exclude.pairs(users[known], start, stop)
        tile[known[rows], columns] = -np.inf
    if candidates is not None:
        tile[:, ~candidates[start:stop]] = -np.inf
    return tile


def _check_scores(tile: NDArray[np.float32], users: NDArray[np.int64], start: int) -> None:
    # one reduction without a temporary: NaN survives a maximum
    if tile.size and not tile.max() < np.inf:
        bad = np.argwhere(~(tile < np.inf))
        row, column = bad[0]
        raise ScoreError(
            f"{len(bad)} of {tile.size} scores are not finite; first: {tile[row, column]} "
            f"for user index {users[row]}, item index {start + column}"
        )


def _newcomers_limit(k: int) -> int:
    """How many newcomers of a tile a list is merged with at once, before they are cut to ``k`` exactly."""
    return 4 * k + 64


def _merge(
    items: NDArray[np.int32], scores: NDArray[np.float32], tile: NDArray[np.float32], start: int
) -> None:
    """Merge a tile into the running lists, in place; the tile's items follow all those of the lists.

    :param items: shape ``(users, k)``, best first; likewise ``scores``.
    :param tile: scores of the items from ``start``, shape ``(users, width)``.
    """
    k = items.shape[1]
    rows, columns = _newcomers(tile, scores[:, -1], k)
    if not len(rows):
        return
    counts = np.bincount(rows, minlength=len(tile))
    place = k + np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    all_scores = np.full((len(tile), k + counts.max()), -np.inf, dtype=np.float32)
    all_items = np.full(all_scores.shape, -1, dtype=np.int32)
    all_scores[:, :k], all_items[:, :k] = scores, items
    all_scores[rows, place], all_items[rows, place] = tile[rows, columns], start + columns
    # stable, and every row is by ascending item among equal scores: so ties go to the lower index
    order = np.argsort(-all_scores, axis=1, kind="stable")[:, :k]
    scores[:] = np.take_along_axis(all_scores, order, axis=1)
    items[:] = np.take_along_axis(all_items, order, axis=1)


def _newcomers(
    tile: NDArray[np.float32], last: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cells of a tile that may enter the lists: a superset of the right ones, in row-major order.

    :param last: score of each list's last place; an equal score does not enter, since its item comes later.
    """
    # the next number above -inf is the lowest finite one, so that -inf never enters
    floor = np.nextafter(last, np.float32(np.inf))
    enter = tile >= np.maximum(floor, _lower_bound(tile, k))[:, None]
    # more than expected come only when many scores are equal: cut those users to k, one by one
    for row in np.flatnonzero(np.count_nonzero(enter, axis=1) > _newcomers_limit(k)):
        best = _best_of_row(tile[row], k)
        keep = best[tile[row, best] >= floor[row]]
        enter[row] = False
        enter[row, keep] = True
    flat = np.flatnonzero(enter)
    rows, columns = np.divmod(flat, tile.shape[1])
    return rows, columns


def _lower_bound(tile: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """A number per user that at least ``k`` scores of the tile reach, close below the k-th best score.

    The columns are dealt into groups, and the k-th best of the groups' maxima is taken: k groups reach it, so
    k scores do. It costs one maximum per score, where a partition of the tile costs several times that.
    """
    folds = int(np.clip(tile.shape[1] // (8 * k), 1, _FOLDS))
    groups = tile.shape[1] // folds
    if groups < k:
        return np.full(len(tile), _LOWEST, dtype=np.float32)
    maxima = tile[:, : folds * groups].reshape(len(tile), folds, groups).max(axis=1)
    maxima.partition(groups - k, axis=1)
    return np.asarray(maxima[:, groups - k])


def _best_of_row(row: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Columns of the ``k`` best scores, ties at the last place to the lower column; ascending columns."""
    last = np.partition(row, len(row) - k)[len(row) - k]
    above = np.flatnonzero(row > last)
    level = np.flatnonzero(row == last)[: k - len(above)]
    return np.sort(np.concatenate([above, level]))
