"""The evaluation protocol: full ranking of the catalogue, known items masked, averages over users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import ConfigError, SplitError, did_you_mean
from hetmusic.evaluation.lists import Lists
from hetmusic.evaluation.result import Evaluation
from hetmusic.ranking import (
    RankedHits,
    Scorer,
    UserItems,
    cutoffs,
    metric_names,
    top_k,
)
from hetmusic.ranking.seen import UserItemPairs

#: the parts of a split that can be evaluated, each with the mask used unless another is asked for
DEFAULT_MASKS: dict[str, str] = {"train": "none", "valid": "train", "test": "train+valid"}
#: what each mask leaves out of the ranking
MASKS: dict[str, tuple[str, ...]] = {"none": (), "train": ("train",), "train+valid": ("train", "valid")}


@runtime_checkable
class SplitParts(Protocol):
    """What evaluation needs of a split (:class:`hetmusic.graph.splits.Split` is one).

    It may also have an attribute ``items``: the candidate items (an index array), or None for all.
    """

    @property
    def train(self) -> UserItemPairs:
        """Training pairs."""
        ...

    @property
    def valid(self) -> UserItemPairs:
        """Validation pairs."""
        ...

    @property
    def test(self) -> UserItemPairs:
        """Test pairs."""
        ...


def evaluate(
    scorer: Scorer,
    split: SplitParts,
    *,
    part: str = "test",
    mask: str | None = None,
    ks: Sequence[int] = (5, 10, 20, 50),
    metrics: Sequence[str] | None = None,
    users: NDArray[Any] | Sequence[int] | None = None,
    memory_mb: float = 256,
    device: str = "cpu",
) -> Evaluation:
    """Rank the whole catalogue for every user with held-out items, and judge the lists.

    :param scorer: the model.
    :param split: interactions in parts.
    :param part: the held-out part to find: ``"test"``, ``"valid"`` or ``"train"``.
    :param mask: known items that are left out of the ranking: ``"train+valid"``, ``"train"`` or ``"none"``.
        If None: training and validation at test, training at validation.
    :param ks: lengths of the lists; they may exceed the catalogue (missing places are misses).
    :param metrics: names from :data:`hetmusic.ranking.METRIC_NAMES`; None for all.
    :param users: evaluate only these user indices (those of them that have held-out items); None for all.
    :param memory_mb: bound on the working memory of the ranking, in MB.
    :param device: where embeddings are ranked; see :func:`hetmusic.ranking.top_k`.
    :raises ConfigError: for an unknown part, mask, metric or cutoff, or a mask that hides the evaluated part.
    :raises SplitError: if no user has held-out items, or split and scorer disagree about the catalogue.
    """
    names, lengths = metric_names(metrics), cutoffs(ks)
    lists = rank(
        scorer, split, lengths[-1], part=part, mask=mask, users=users, memory_mb=memory_mb, device=device
    )
    return lists.evaluation(names, lengths)


def rank(
    scorer: Scorer,
    split: SplitParts,
    k: int,
    *,
    part: str = "test",
    mask: str | None = None,
    users: NDArray[Any] | Sequence[int] | None = None,
    memory_mb: float = 256,
    device: str = "cpu",
) -> Lists:
    """The lists that :func:`evaluate` judges, each place of them told hit or miss.

    :param k: length of the lists; for all else see :func:`evaluate`.
    """
    mask = _check_mask(part, mask)
    catalogue = getattr(split, "items", None)
    num_users = _check_indices(scorer, split, part, mask)
    held_out = UserItems.from_edges([getattr(split, part)], num_users=num_users, num_items=scorer.num_items)
    seen = UserItems.from_edges(
        [getattr(split, name) for name in MASKS[mask]], num_users=num_users, num_items=scorer.num_items
    )
    evaluated = _users_with_items(held_out, part, users)
    _check_catalogue(held_out, catalogue, part)
    items, _ = top_k(scorer, evaluated, k, seen, catalogue, memory_mb, device)
    num_candidates = scorer.num_items if catalogue is None else len(np.unique(catalogue))
    judged = RankedHits.judge(items, evaluated, held_out)
    return Lists(items, judged, evaluated, held_out, part, mask, num_candidates)


def _check_mask(part: str, mask: str | None) -> str:
    if part not in DEFAULT_MASKS:
        raise ConfigError(
            f"unknown part {part!r}{did_you_mean(part, DEFAULT_MASKS)}; known: train, valid, test"
        )
    if mask is None:
        return DEFAULT_MASKS[part]
    if mask not in MASKS:
        raise ConfigError(f"unknown mask {mask!r}{did_you_mean(mask, MASKS)}; known: {', '.join(MASKS)}")
    if part in MASKS[mask]:
        raise ConfigError(f"mask {mask!r} hides the very items of part {part!r}; use {DEFAULT_MASKS[part]!r}")
    return mask


def _check_indices(scorer: Scorer, split: SplitParts, part: str, mask: str) -> int:
    """The number of users that the used parts name, after checking that the scorer knows all of them."""
    used = [(name, getattr(split, name)) for name in (*MASKS[mask], part)]
    num_users = 0
    for name, edges in used:
        if not len(edges.src):
            continue
        top_user, top_item = int(np.max(edges.src)), int(np.max(edges.dst))
        if top_item >= scorer.num_items:
            raise SplitError(
                f"{name} names item index {top_item}, but the model scores {scorer.num_items:,} items"
            )
        known_users = getattr(scorer, "num_users", None)
        if known_users is not None and top_user >= known_users:
            raise SplitError(f"{name} names user index {top_user}, but the model knows {known_users:,} users")
        num_users = max(num_users, top_user + 1)
    return num_users


def _users_with_items(
    held_out: UserItems, part: str, users: NDArray[Any] | Sequence[int] | None
) -> NDArray[np.int64]:
    """The asked users that have a held-out item, ascending."""
    having = np.flatnonzero(np.diff(held_out.indptr))
    if not len(having):
        raise SplitError(f"the split has no {part} interactions, so there is nothing to evaluate")
    if users is None:
        return having
    asked = np.unique(np.asarray(users, dtype=np.int64))
    chosen = np.intersect1d(asked, having)
    if not len(chosen):
        raise SplitError(
            f"none of the {len(asked):,} chosen users has {part} interactions; {len(having):,} users do"
        )
    return chosen


def _check_catalogue(held_out: UserItems, catalogue: NDArray[Any] | None, part: str) -> None:
    """Refuse held-out items that could never be found."""
    if catalogue is None:
        return
    outside = np.setdiff1d(held_out.items, catalogue)
    if len(outside):
        raise SplitError(
            f"{len(outside):,} of {len(np.unique(held_out.items)):,} {part} items are not among the "
            f"{len(np.unique(catalogue)):,} items of the split's catalogue; first: item index {outside[0]}"
        )
