"""Batches: seeds -> what is predicted -> negatives -> neighbours.

An edge is never input and target in the same step: what a step predicts is left out of its message passing, in both
directions, and what it does use as input is neither a target nor a candidate of that step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hetmusic._arrays import expand_rows
from hetmusic.graph.types import Edges
from hetmusic.models.blocks import LayeredBlocks
from hetmusic.ranking.seen import UserItems
from hetmusic.training.calling import calling
from hetmusic.training.left_out import LeftOut, LeftOutByChance, LeftOutMask
from hetmusic.training.processes import ALONE, Processes
from hetmusic.training.samplers import Sampler
from hetmusic.training.tensors import GraphTensors


@dataclass(frozen=True)
class Batch:
    """What one step computes: rows (users) against columns (candidate items)."""

    #: where the users' representations come from, and which of them is each row's, int64 ``(num_rows,)``
    user_blocks: LayeredBlocks
    user_rows: Tensor
    #: where the candidates' come from, and which of them is each column's (None: each its own, in order)
    item_blocks: LayeredBlocks
    item_rows: Tensor | None
    #: catalogue index of every column, int64 ``(num_columns,)``; None means the whole catalogue in order
    item_ids: Tensor | None
    #: targets as (row, column) pairs, int64 ``(num_targets,)`` each
    target_rows: Tensor
    target_columns: Tensor
    #: (row, column) pairs that are no candidates: known likes that this step does not predict
    masked_rows: Tensor
    masked_columns: Tensor
    #: log of how often a column is expected as a candidate, float32 ``(num_columns,)``; None if all are certain
    log_q: Tensor | None = None
    #: for pairwise losses, the columns of each target's negatives, int64 ``(num_targets, negatives)``
    negative_columns: Tensor | None = None
    #: those that share the step, each with rows of its own
    processes: Processes = ALONE
    #: targets of all of them
    step_targets: int | None = None

    @property
    def num_targets(self) -> int:
        """Number of targets of the whole step."""
        return len(self.target_rows) if self.step_targets is None else self.step_targets

    def total(self, value: Tensor) -> Tensor:
        """Sum over the whole step of what is counted here, without gradient; losses divide by such sums."""
        return self.processes.total(value)

    def to(self, device: torch.device) -> Batch:
        """Copy to a device; blocks shared by users and items are copied once. One that is there stays as it is."""
        if self.target_rows.device == device:
            return self  # what it makes when it is first read stays unmade
        return self.map(lambda tensor: tensor.to(device, non_blocking=True))

    def map(self, move: Callable[[Tensor], Tensor]) -> Batch:
        """The same of other tensors, each what ``move`` makes of one of these; what is shared stays shared."""
        fields = {name: move(value) for name, value in vars(self).items() if isinstance(value, Tensor)}
        user_blocks = self.user_blocks.map(move)
        shared = self.item_blocks is self.user_blocks
        item_blocks = user_blocks if shared else self.item_blocks.map(move)
        return replace(self, user_blocks=user_blocks, item_blocks=item_blocks, **fields)  # type: ignore[arg-type]


class Propagation:
    """Gives the blocks of a step, over the whole graph or over sampled neighbourhoods.

    :param graph: the training graph.
    :param num_layers: layers of the model.
    :param sampler: None propagates over the whole graph.
    :param joint: sample one neighbourhood of a step's users and items, for models that encode both alike, so that what lies
        in both is computed once.
    """

    def __init__(
        self,
        graph: GraphTensors,
        num_layers: int,
        user_type: str,
        item_type: str,
        sampler: Sampler | None,
        joint: bool = False,
    ) -> None:
        self.graph = graph
        self.num_layers = num_layers
        self.user_type = user_type
        self.item_type = item_type
        self.sampler = sampler
        self.joint = joint

    def leave_out(
        self, count: int, share: float, rng: np.random.Generator, named: NDArray[np.int64] | None = None
    ) -> LeftOut:
        """Draw the interactions that a step leaves out of message passing.

        :param count: number of training interactions.
        :param share: share of them that is left out by chance.
        :param named: interactions that are left out in any case.
        """
        if self.sampler is not None:
            return LeftOutByChance(share, int(rng.integers(2**63)), named)
        mask = rng.random(count) < share
        if named is not None:
            mask[named] = True
        return LeftOutMask(mask)

    def blocks(
        self,
        users: NDArray[np.int64],
        items: NDArray[np.int64] | None,
        dropped: LeftOut,
        rng: np.random.Generator,
    ) -> tuple[LayeredBlocks, Tensor, LayeredBlocks, Tensor | None]:
        """Blocks for some users and some (None: all) items.

        :param dropped: interactions that no message may pass.
        :return: user blocks, the row of each user in them, item blocks, the row of each item (None: those that the blocks
            give, in order).
        """
        if self.sampler is None:
            whole = self.graph.without(dropped, self.num_layers)
            return whole, torch.from_numpy(users), whole, None if items is None else torch.from_numpy(items)
        if self.joint and items is not None:
            both = self._sample({self.user_type: users, self.item_type: items}, rng, dropped)
            return both, torch.arange(len(users)), both, None
        user_blocks = self._sample({self.user_type: users}, rng, dropped)
        if items is None:
            return user_blocks, torch.arange(len(users)), self.graph.without(dropped, self.num_layers), None
        item_blocks = self._sample({self.item_type: items}, rng, dropped)
        return user_blocks, torch.arange(len(users)), item_blocks, None

    def _sample(
        self, seeds: dict[str, NDArray[np.int64]], rng: np.random.Generator, dropped: LeftOut
    ) -> LayeredBlocks:
        assert self.sampler is not None
        with calling("sampler", self.sampler):
            return self.sampler.sample(seeds, rng, dropped)


class UserBatches:
    """Batches of users against the whole catalogue, for the full softmax, or against a sample of it.

    In every step a share of all training interactions is left out of message passing; those of the batch's users are what
    is predicted, and the users' other likes, being input, are masked from the candidates.

    :param catalogue: candidate items, ascending; None means all.
    :param sampled: if given, a step's candidates are what its users like (with ``inputs``; else only what is predicted) and
        so many items drawn uniformly.
    :param inputs: whether likes that are input become candidates, since they are predicted as well.
    :param processes: each takes its share of a step's users, against the same candidates.
    """

    def __init__(
        self,
        train: Edges,
        propagation: Propagation,
        batch_size: int,
        edge_dropout: float,
        catalogue: NDArray[np.int32] | None = None,
        sampled: int | None = None,
        inputs: bool = False,
        processes: Processes = ALONE,
    ) -> None:
        graph = propagation.graph
        self.propagation = propagation
        self.batch_size = batch_size
        self.edge_dropout = edge_dropout
        self.sampled = sampled
        self.inputs = inputs
        self.processes = processes
        num_items = graph.num_nodes[propagation.item_type]
        self.catalogue = None if catalogue is None else np.asarray(catalogue, dtype=np.int64)
        self._column = np.arange(num_items)
        if self.catalogue is not None or sampled is not None:
            self._column = np.full(num_items, -1)
        if self.catalogue is not None and sampled is None:
            self._column[self.catalogue] = np.arange(len(self.catalogue))
        num_users = graph.num_nodes[propagation.user_type]
        # the training interactions are sorted by user, so a user's are consecutive
        self._start = np.searchsorted(train.src, np.arange(num_users + 1))
        self._items = train.dst
        self._users = np.flatnonzero(np.diff(self._start))
        #: share of users with interactions who like an item
        self._share = np.bincount(train.dst, minlength=num_items) / max(len(self._users), 1)

    def __len__(self) -> int:
        return -(-len(self._users) // self.batch_size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """The batches of one epoch, in random order."""
        order = rng.permutation(self._users)
        own = self.processes.generator(rng)
        for begin in range(0, len(order), self.batch_size):
            yield self._batch(order[begin : begin + self.batch_size], rng, own)

    def _batch(self, users: NDArray[np.int64], rng: np.random.Generator, own: np.random.Generator) -> Batch:
        """Draw what all processes share from ``rng``, and the neighbourhoods of the own share from ``own``."""
        dropped = self.propagation.leave_out(len(self._items), self.edge_dropout, rng)
        counts = self._start[users + 1] - self._start[users]
        rows, edges = expand_rows(self._start[users], counts)
        liked, predicted = self._items[edges], dropped.of(edges)
        candidates, log_q = self._candidates(liked if self.inputs else liked[predicted], len(users), rng)
        targets, count = int(predicted.sum()), self.processes.count
        if count > 1:
            mine = rows % count == self.processes.rank
            rows, liked, predicted = rows[mine] // count, liked[mine], predicted[mine]
        user_blocks, user_rows, item_blocks, item_rows = self.propagation.blocks(
            self.processes.share(users), candidates, dropped, own
        )
        if self.sampled is not None:
            assert candidates is not None
            self._column[candidates] = np.arange(len(candidates))
        columns = self._column[liked]
        masked = ~predicted & (columns >= 0)
        if self.sampled is not None:
            self._column[candidates] = -1
        return Batch(
            user_blocks,
            user_rows,
            item_blocks,
            item_rows,
            None if candidates is None else torch.from_numpy(candidates),
            torch.from_numpy(rows[predicted]),
            torch.from_numpy(columns[predicted]),
            torch.from_numpy(rows[masked]),
            torch.from_numpy(columns[masked]),
            log_q,
            processes=self.processes,
            step_targets=targets,
        )

    def _candidates(
        self, liked: NDArray[np.int32], num_users: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64] | None, Tensor | None]:
        """The candidates of a step, ascending, and log Q of each; None, None for the whole catalogue."""
        if self.sampled is None:
            return self.catalogue, None
        num_items = len(self._column)
        drawn = rng.integers(num_items if self.catalogue is None else len(self.catalogue), size=self.sampled)
        drawn = drawn if self.catalogue is None else self.catalogue[drawn]
        candidates = np.unique(np.concatenate([drawn, liked]))
        share = self._share[candidates] * (1.0 if self.inputs else self.edge_dropout)
        size = num_items if self.catalogue is None else len(self.catalogue)
        return candidates, _log_q(self.sampled, size, share, num_users)


class PairBatches:
    """Batches of (user, liked item) pairs against in-batch and uniform negatives, or a few negatives a pair.

    :param negatives: uniform negatives: of the batch, or of every pair if ``pairwise``.
    :param pairwise: draw negatives for each pair by itself (BPR), none of which the user is known to like.
    :param processes: each takes its share of a step's pairs.
    :param shared: whether all of them have the same candidates, those of the whole step; the own ones are enough where every
        pair is judged by itself.
    """

    def __init__(
        self,
        train: Edges,
        propagation: Propagation,
        batch_size: int,
        edge_dropout: float,
        negatives: int,
        pairwise: bool = False,
        catalogue: NDArray[np.int32] | None = None,
        processes: Processes = ALONE,
        shared: bool = True,
    ) -> None:
        graph = propagation.graph
        num_users, num_items = (graph.num_nodes[t] for t in (propagation.user_type, propagation.item_type))
        self.propagation = propagation
        self.batch_size = batch_size
        self.edge_dropout = edge_dropout
        self.negatives = negatives
        self.pairwise = pairwise
        self.processes = processes
        self.shared = shared
        self.train = train
        self.catalogue = np.arange(num_items) if catalogue is None else np.asarray(catalogue, dtype=np.int64)
        self._liked = UserItems.from_edges([train], num_users=num_users, num_items=num_items)
        popularity = np.bincount(train.dst, minlength=num_items)
        self._share = popularity / max(len(train), 1)
        self._column = np.full(num_items, -1, dtype=np.int64)

    def __len__(self) -> int:
        return -(-len(self.train) // self.batch_size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """The batches of one epoch, in random order."""
        order = rng.permutation(len(self.train))
        own = self.processes.generator(rng)
        for begin in range(0, len(order), self.batch_size):
            yield self._batch(order[begin : begin + self.batch_size], rng, own)

    def _batch(self, pairs: NDArray[np.int64], rng: np.random.Generator, own: np.random.Generator) -> Batch:
        """Draw what all processes share from ``rng``, and the neighbourhoods of the own share from ``own``."""
        users = self.train.src[pairs].astype(np.int64)
        items = self.train.dst[pairs].astype(np.int64)
        dropped = self.propagation.leave_out(len(self.train), self.edge_dropout, rng, pairs)
        negatives, num_pairs = self._draw_negatives(users, rng), len(pairs)
        wanted = [items, negatives.ravel()]
        users, items = self.processes.share(users), self.processes.share(items)
        negatives = self.processes.share(negatives) if self.pairwise else negatives
        columns = np.unique(np.concatenate(wanted if self.shared else [items, negatives.ravel()]))
        distinct, row_of = np.unique(users, return_inverse=True)
        user_blocks, user_rows, item_blocks, item_rows = self.propagation.blocks(
            distinct, columns, dropped, own
        )
        self._column[columns] = np.arange(len(columns))
        target_columns = self._column[items]
        negative_columns = self._column[negatives] if self.pairwise else None
        masked = self._known_likes(users, items)
        self._column[columns] = -1
        return Batch(
            user_blocks,
            user_rows[torch.from_numpy(row_of)],
            item_blocks,
            item_rows,
            torch.from_numpy(columns),
            torch.arange(len(users)),
            torch.from_numpy(target_columns),
            torch.from_numpy(masked[0]),
            torch.from_numpy(masked[1]),
            None
            if self.pairwise
            else _log_q(self.negatives, len(self.catalogue), self._share[columns], num_pairs),
            None if negative_columns is None else torch.from_numpy(negative_columns),
            processes=self.processes,
            step_targets=num_pairs,
        )

    def _draw_negatives(self, users: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        if not self.pairwise:
            return rng.choice(self.catalogue, self.negatives)
        drawn = rng.choice(self.catalogue, (len(users), self.negatives))
        # a user who likes nearly everything keeps a few false negatives rather than looping on
        for _ in range(10):
            wrong = self._liked.contains(users, drawn)
            if not wrong.any():
                break
            drawn[wrong] = rng.choice(self.catalogue, int(wrong.sum()))
        return drawn

    def _known_likes(
        self, users: NDArray[np.int64], items: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(row, column) of every candidate that its row's user is known to like, but for the row's own target."""
        rows, liked = self._liked.pairs_among(users, self._column >= 0)
        wrong = liked != items[rows]
        return rows[wrong], self._column[liked[wrong]]


def _log_q(drawn: int, size: int, share: NDArray[np.float64], seeds: int) -> Tensor:
    """Log of the probability that an item is a column at all: as a positive of the batch, or drawn uniformly.

    The correction of Bengio and Senecal 2008 for sampled softmax: scores are lowered by it, so that popular items,
    which are candidates more often, are not pushed down for being so. Columns are distinct, so an item counts once
    however often it was drawn: Q = 1 - (1 - 1/N)^n (1 - share)^B with n uniform draws and B pairs or users.

    :param drawn: n.
    :param size: N, the size of the catalogue that is drawn from.
    :param share: probability that a pair or user of the batch brings the item, by column.
    :param seeds: B.
    """
    with np.errstate(divide="ignore"):  # an item that every pair likes is certain: log 0 gives Q = 1
        missed = drawn * np.log1p(-1 / size) + seeds * np.log1p(-share)
    return torch.from_numpy(np.log(-np.expm1(missed)).astype(np.float32))
