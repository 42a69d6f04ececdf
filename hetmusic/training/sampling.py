"""Sampled neighbourhoods over typed relations.

The draw depends on the generator that is handed in and on nothing else: DGL's own sampler draws from thread-local
generators whose state cannot be saved, and with several OpenMP threads even a seeded run differs from the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from torch import Tensor

from hetmusic._arrays import expand_rows
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


@dataclass(frozen=True)
class _Neighbours:
    """One relation's adjacency by destination, as arrays that share memory with the graph's tensors."""

    block: RelationBlock
    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    interaction: NDArray[np.int64] | None


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
            edge_type: _Neighbours(
                block,
                block.csr.indptr.numpy(),
                block.csr.indices.numpy(),
                graph.interaction_ids[edge_type].numpy() if edge_type in graph.interaction_ids else None,
            )
            for edge_type, block in graph.blocks.items()
        }
        # position of a node among the nodes of the block being built; -1 for all others, restored after use
        self._position = {
            ntype: np.full(count, -1, dtype=np.int64) for ntype, count in graph.num_nodes.items()
        }

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
        picked: dict[EdgeType, tuple[IntArray, IntArray]] = {}
        for edge_type, relation in self._relations.items():
            number = self.per_relation.get(edge_type.relation, fanout)
            rows, edges = pick_edges(relation.indptr, targets[edge_type.dst], number, rng)
            if dropped is not None and relation.interaction is not None:
                stay = ~dropped.of(relation.interaction[edges])
                rows, edges = rows[stay], edges[stay]
            picked[edge_type] = rows, edges
        sources = {ntype: [ids] for ntype, ids in targets.items()}
        for edge_type, (_, edges) in picked.items():
            sources[edge_type.src].append(self._relations[edge_type].indices[edges].astype(np.int64))
        inputs = {ntype: self._number(ntype, parts) for ntype, parts in sources.items()}
        blocks = {
            edge_type: self._block(edge_type, rows, edges, targets, inputs)
            for edge_type, (rows, edges) in picked.items()
        }
        for ntype, ids in inputs.items():
            self._position[ntype][ids] = -1
        return Layer(blocks, {ntype: len(ids) for ntype, ids in targets.items()}), inputs

    def _number(self, ntype: str, parts: list[IntArray]) -> IntArray:
        """Number the nodes of a layer's input: the destinations first, in their order, then the others ascending."""
        targets, position = parts[0], self._position[ntype]
        position[targets] = np.arange(len(targets))
        others = np.concatenate(parts[1:]) if len(parts) > 1 else targets[:0]
        new = _distinct(others[position[others] < 0], len(position))
        position[new] = len(targets) + np.arange(len(new))
        return np.concatenate([targets, new])

    def _block(
        self,
        edge_type: EdgeType,
        rows: IntArray,
        edges: IntArray,
        targets: Mapping[str, IntArray],
        inputs: Mapping[str, IntArray],
    ) -> RelationBlock:
        relation = self._relations[edge_type]
        columns = self._position[edge_type.src][relation.indices[edges]]
        whole = relation.block
        return RelationBlock(
            edge_type,
            _csr(rows, columns, len(targets[edge_type.dst]), len(inputs[edge_type.src])),
            PickedEdges(whole.edge, torch.from_numpy(edges)),
            _take(whole.src_degree, inputs[edge_type.src]),
            _take(whole.dst_degree, targets[edge_type.dst]),
        )


def _csr(rows: IntArray, columns: IntArray, num_rows: int, num_columns: int) -> Csr:
    """The pattern of edges that are sorted by row, and its transpose by counting, which is linear."""
    indptr = np.zeros(num_rows + 1, dtype=np.int32)
    np.cumsum(np.bincount(rows, minlength=num_rows), out=indptr[1:])
    indices = columns.astype(np.int32)

    def turn() -> tuple[Tensor, Tensor, Tensor]:
        numbers = np.arange(len(indices), dtype=np.int32)
        turned = scipy.sparse.csr_array((numbers, indices, indptr), shape=(num_rows, num_columns)).tocsc()
        parts = (turned.indptr, turned.indices, turned.data)
        return tuple(torch.from_numpy(part.astype(np.int32, copy=False)) for part in parts)  # type: ignore[return-value]

    return Csr(torch.from_numpy(indptr), torch.from_numpy(indices), num_rows, num_columns, turn)


def pick_edges(
    indptr: NDArray[np.int32], nodes: IntArray, fanout: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Draw up to ``fanout`` distinct edges of every node, uniformly.

    Nodes with more edges draw by Floyd's algorithm (Bentley and Floyd 1987, "A sample of brilliance"), run for all nodes
    at once: step k offers a random one of the first d - fanout + k + 1 edges, and takes the last of those instead if the
    offer was drawn before.

    :param indptr: start of every node's edges, ``(num_nodes + 1,)``.
    :param nodes: whose edges, ``(n,)``.
    :param fanout: number of edges a node; -1 for all.
    :return: position in ``nodes`` and index of every drawn edge, in order of position.
    """
    start = indptr[nodes]
    degree = indptr[nodes + 1] - start
    rich = np.flatnonzero(degree > fanout) if fanout >= 0 else np.empty(0, dtype=np.int64)
    if not len(rich):
        return expand_rows(start, degree)
    counts = np.minimum(degree, fanout)
    rows, edges = expand_rows(start, counts)
    picks = _floyd(degree[rich], fanout, rng)
    picks += start[rich]
    place = (np.cumsum(counts) - counts)[rich]
    for k in range(fanout):
        edges[place + k] = picks[k]
    return rows, edges


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


def _distinct(nodes: IntArray, num_nodes: int) -> IntArray:
    """The distinct ones of some nodes, ascending; by marking them where they are a good part of all."""
    if 8 * len(nodes) < num_nodes:
        return np.unique(nodes)
    marked = np.zeros(num_nodes, dtype=bool)
    marked[nodes] = True
    return np.flatnonzero(marked)


def _take(degree: Tensor | None, nodes: IntArray) -> Tensor | None:
    return None if degree is None else degree[torch.from_numpy(nodes)]
