"""Sampled neighbourhoods over typed relations.

The draw depends on the generator that is handed in and on nothing else: DGL's own sampler draws from thread-local
generators whose state cannot be saved, and with several OpenMP threads even a seeded run differs from the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from torch import Tensor

from hetmusic._arrays import entries_of_rows
from hetmusic.graph.types import EdgeType
from hetmusic.models.blocks import Layer, LayeredBlocks
from hetmusic.relations import RelationBlock
from hetmusic.relations.kernels import Csr
from hetmusic.relations.picked_edges import PickedEdges
from hetmusic.training.left_out import LeftOut
from hetmusic.training.samplers import Sampler, samplers
from hetmusic.training.tensors import GraphTensors

__all__ = ["NeighborSampler", "pick_edges", "samplers"]

IntArray = NDArray[np.int64]

#: where one in so many nodes of a type is drawn at most, they are told apart without going through all of the type
_FEW = 32


class _Neighbours:
    """One relation's adjacency by destination, laid out so that a drawn edge costs one look into a large array.

    :param block: the relation's edges over the whole graph.
    :param interaction: of the interaction's edges, which training interaction each is, int64 ``(num_edges,)``.
    """

    def __init__(self, block: RelationBlock, interaction: Tensor | None) -> None:
        self.block = block
        self.indptr: NDArray[np.int32] = block.csr.indptr.numpy()
        self.indices: NDArray[np.int32] = block.csr.indices.numpy()
        self.is_interaction = interaction is not None
        #: source and interaction of every edge side by side, int32, read as one int64; None where an edge's number says
        #: which interaction it is, and for relations that are none
        self._pairs: NDArray[np.int64] | None = None
        if interaction is not None and not np.array_equal(interaction.numpy(), np.arange(len(interaction))):
            pairs = np.stack([self.indices, interaction.numpy()], axis=1, dtype=np.int32, casting="same_kind")
            self._pairs = pairs.view(np.int64)[:, 0]

    def read(self, edges: IntArray) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Source of every edge and, of the interaction's, which training interaction it is."""
        if self._pairs is None:
            return self.indices.take(edges), edges
        both = self._pairs.take(edges).view(np.int32).reshape(-1, 2)
        return both[:, 0], both[:, 1]


@dataclass(frozen=True)
class _Drawn:
    """Drawn edges of one relation, by destination."""

    indptr: NDArray[np.int32]
    #: which edges of the relation
    edges: IntArray
    #: their source nodes
    sources: NDArray[np.int32]


@samplers.register("neighbor")
class NeighborSampler(Sampler):
    """Samples message-flow blocks, like DGL's ``NeighborSampler``, with an own source of randomness.

    For every destination node and relation, ``fanout`` distinct edges are drawn uniformly (all of them if there are no
    more). Edges that a step predicts are removed after the draw, in both directions of the interaction.

    :param graph: the training graph.
    :param fanouts: neighbours per node and relation, one number a layer, furthest from the seeds first; -1 takes all.
    :param per_relation: other numbers for some relations, by name, in every layer.
    """

    def __init__(
        self, graph: GraphTensors, fanouts: Sequence[int], per_relation: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(graph, fanouts, per_relation)
        self._relations = {
            edge_type: _Neighbours(block, graph.interaction_ids.get(edge_type))
            for edge_type, block in graph.blocks.items()
        }
        #: position of a node among the nodes of the block being built; means nothing for all others
        self._position = {ntype: np.zeros(count, dtype=np.int32) for ntype, count in graph.num_nodes.items()}
        #: scratch for telling nodes apart, all False between uses
        self._marked = {ntype: np.zeros(count, dtype=bool) for ntype, count in graph.num_nodes.items()}

    def sample(  # noqa: D102
        self,
        seeds: Mapping[str, IntArray],
        rng: np.random.Generator,
        dropped: LeftOut | None = None,
    ) -> LayeredBlocks:
        nodes = {ntype: np.asarray(seeds.get(ntype, ()), dtype=np.int64) for ntype in self.graph.num_nodes}
        layers: list[Layer] = []
        for fanout in reversed(self.fanouts):
            layer, nodes = self._layer(nodes, fanout, rng, dropped)
            layers.insert(0, layer)
        return LayeredBlocks({ntype: torch.from_numpy(ids) for ntype, ids in nodes.items()}, layers)

    def _layer(
        self,
        targets: dict[str, IntArray],
        fanout: int,
        rng: np.random.Generator,
        dropped: LeftOut | None,
    ) -> tuple[Layer, dict[str, IntArray]]:
        drawn = {
            edge_type: self._draw(edge_type, targets[edge_type.dst], fanout, rng, dropped)
            for edge_type in self._relations
        }
        sources: dict[str, list[NDArray[np.int32]]] = {ntype: [] for ntype in targets}
        for edge_type, found in drawn.items():
            sources[edge_type.src].append(found.sources)
        inputs = {ntype: self._number(ntype, ids, sources[ntype]) for ntype, ids in targets.items()}
        blocks = {
            edge_type: self._block(edge_type, found, targets, inputs) for edge_type, found in drawn.items()
        }
        return Layer(blocks, {ntype: len(ids) for ntype, ids in targets.items()}), inputs

    def _draw(
        self,
        edge_type: EdgeType,
        nodes: IntArray,
        fanout: int,
        rng: np.random.Generator,
        dropped: LeftOut | None,
    ) -> _Drawn:
        """The edges of one relation that some destination nodes draw, less those that carry no message."""
        relation = self._relations[edge_type]
        counts, edges = pick_edges(
            relation.indptr, nodes, self.per_relation.get(edge_type.relation, fanout), rng
        )
        sources, interaction = relation.read(edges)
        indptr = np.zeros(len(nodes) + 1, dtype=np.int32)
        np.cumsum(counts, out=indptr[1:])
        if dropped is None or not relation.is_interaction:
            return _Drawn(indptr, edges, sources)
        stay = ~dropped.of(interaction)
        before = np.zeros(len(edges) + 1, dtype=np.int32)
        np.cumsum(stay, out=before[1:])
        return _Drawn(before[indptr], edges[stay], sources[stay])

    def _number(self, ntype: str, targets: IntArray, sources: list[NDArray[np.int32]]) -> IntArray:
        """Number the nodes of a layer's input: the destinations first, in their order, then the others ascending."""
        marked, position = self._marked[ntype], self._position[ntype]
        if _FEW * sum(map(len, sources)) < len(marked):
            marked[targets] = True
            new = np.unique(np.concatenate(sources)).astype(np.int64) if sources else targets[:0]
            new = new[~marked[new]]
        else:
            for part in sources:
                marked[part] = True
            marked[targets] = False
            new = np.flatnonzero(marked)
        inputs = np.concatenate([targets, new])
        marked[inputs] = False
        position[inputs] = np.arange(len(inputs), dtype=np.int32)
        return inputs

    def _block(
        self,
        edge_type: EdgeType,
        drawn: _Drawn,
        targets: Mapping[str, IntArray],
        inputs: Mapping[str, IntArray],
    ) -> RelationBlock:
        whole = self._relations[edge_type].block
        columns = self._position[edge_type.src].take(drawn.sources)
        return RelationBlock(
            edge_type,
            _csr(drawn.indptr, columns, len(inputs[edge_type.src])),
            PickedEdges(whole.edge, torch.from_numpy(drawn.edges)),
            _take(whole.src_degree, inputs[edge_type.src]),
            _take(whole.dst_degree, targets[edge_type.dst]),
        )


def _csr(indptr: NDArray[np.int32], indices: NDArray[np.int32], num_columns: int) -> Csr:
    """A pattern by rows, and its transpose by counting, which is linear."""
    num_rows = len(indptr) - 1

    def turn() -> tuple[Tensor, Tensor, Tensor]:
        numbers = np.arange(len(indices), dtype=np.int32)
        turned = scipy.sparse.csr_array((numbers, indices, indptr), shape=(num_rows, num_columns)).tocsc()
        parts = (turned.indptr, turned.indices, turned.data)
        return tuple(torch.from_numpy(part.astype(np.int32, copy=False)) for part in parts)  # type: ignore[return-value]

    return Csr(torch.from_numpy(indptr), torch.from_numpy(indices), num_rows, num_columns, turn)


def pick_edges(
    indptr: NDArray[np.int32], nodes: IntArray, fanout: int, rng: np.random.Generator
) -> tuple[NDArray[np.int32], IntArray]:
    """Draw up to ``fanout`` distinct edges of every node, uniformly.

    Nodes with more edges draw by Floyd's algorithm (Bentley and Floyd 1987, "A sample of brilliance"), run for all nodes
    at once: step k offers a random one of the first d - fanout + k + 1 edges, and takes the last of those instead if the
    offer was drawn before.

    :param indptr: start of every node's edges, ``(num_nodes + 1,)``.
    :param nodes: whose edges, ``(n,)``.
    :param fanout: number of edges a node; -1 for all.
    :return: how many edges each node has drawn, ``(n,)``, and the index of every drawn edge, those of the first node first.
    """
    start = indptr.take(nodes)
    degree = indptr.take(nodes + 1) - start
    rich = np.flatnonzero(degree > fanout) if fanout >= 0 else np.empty(0, dtype=np.int64)
    if not len(rich):
        return degree, entries_of_rows(start, degree)
    counts = np.minimum(degree, fanout)
    edges = entries_of_rows(start, counts)
    picks = _floyd(degree[rich], fanout, rng)
    picks += start[rich]
    place = (np.cumsum(counts) - counts)[rich]
    for k in range(fanout):
        edges[place + k] = picks[k]
    return counts, edges


def _floyd(degree: NDArray[np.int32], fanout: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """For every degree, ``fanout`` distinct numbers below it, ``(fanout, len(degree))``."""
    picks = np.empty((fanout, len(degree)), dtype=np.int32)
    uniform = rng.random((fanout, len(degree)))
    for k in range(fanout):
        last = degree - (fanout - k)
        offer = (uniform[k] * (last + 1)).astype(np.int32)
        taken = np.zeros(len(degree), dtype=bool)
        for earlier in picks[:k]:
            taken |= earlier == offer
        picks[k] = np.where(taken, last, offer)
    return picks


def _take(degree: Tensor | None, nodes: IntArray) -> Tensor | None:
    return None if degree is None else degree.index_select(0, torch.from_numpy(nodes))
