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
        new = np.unique(others[position[others] < 0])
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
        index = torch.from_numpy(edges)
        whole = relation.block
        return RelationBlock(
            edge_type,
            _csr(rows, columns, len(targets[edge_type.dst]), len(inputs[edge_type.src])),
            {name: value[index] for name, value in whole.edge.items()},
            _take(whole.src_degree, inputs[edge_type.src]),
            _take(whole.dst_degree, targets[edge_type.dst]),
        )


def _csr(rows: IntArray, columns: IntArray, num_rows: int, num_columns: int) -> Csr:
    """The pattern of edges that are sorted by row, and its transpose by counting, which is linear."""
    indptr = np.zeros(num_rows + 1, dtype=np.int32)
    np.cumsum(np.bincount(rows, minlength=num_rows), out=indptr[1:])
    numbered = scipy.sparse.csr_array(
        (np.arange(len(rows), dtype=np.int32), columns.astype(np.int32), indptr),
        shape=(num_rows, num_columns),
    )
    turned = numbered.tocsc()
    parts = (indptr, numbered.indices, turned.indptr, turned.indices, turned.data)
    first, indices, *transposed = (torch.from_numpy(part.astype(np.int32, copy=False)) for part in parts)
    return Csr(first, indices, num_rows, num_columns, (transposed[0], transposed[1], transposed[2]))


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
    start = indptr[nodes].astype(np.int64)
    degree = indptr[nodes + 1].astype(np.int64) - start
    many = degree > fanout if fanout >= 0 else np.zeros(len(nodes), dtype=bool)
    few = np.flatnonzero(~many)
    which, edges = expand_rows(start[few], degree[few])
    rows = few[which]
    if not many.any():
        return rows, edges
    rich = np.flatnonzero(many)
    picks = np.empty((len(rich), fanout), dtype=np.int64)
    uniform = rng.random((fanout, len(rich)))
    for k in range(fanout):
        last = degree[rich] - fanout + k
        offer = (uniform[k] * (last + 1)).astype(np.int64)
        taken = (picks[:, :k] == offer[:, None]).any(axis=1)
        picks[:, k] = np.where(taken, last, offer)
    rows = np.concatenate([rows, np.repeat(rich, fanout)])
    edges = np.concatenate([edges, (start[rich][:, None] + picks).ravel()])
    order = np.argsort(rows, kind="stable")
    return rows[order], edges[order]


def _take(degree: Tensor | None, nodes: IntArray) -> Tensor | None:
    return None if degree is None else degree[torch.from_numpy(nodes)]
