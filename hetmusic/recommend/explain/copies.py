"""Nodes without some of their edges: copies beside the originals, which hear fewer neighbours and are heard by nobody.

Removing edges from the graph one at a time would mean as many passes over it. A copy of a node with the remaining edges
towards it has the representation that the node itself would have without the others, as long as the node's own messages do
not come back to it; and thousands of copies are one pass.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hetmusic._arrays import expand_rows
from hetmusic.graph.types import EdgeType
from hetmusic.models import LayeredBlocks
from hetmusic.relations import RelationBlock
from hetmusic.relations.kernels import Csr
from hetmusic.training.sampling import NeighborSampler
from hetmusic.training.tensors import GraphTensors

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Copies:
    """Copies of nodes of one type, and the edges that each lacks."""

    node_type: str
    #: the node of every copy, int64 ``(num_copies,)``
    owners: Ints
    #: per relation into the type: copies and the edges (by position in the block) that they lack
    removed: Mapping[EdgeType, tuple[Ints, Ints]]

    def __len__(self) -> int:
        return len(self.owners)

    def pieces(self, sizes: Ints, most: int) -> Iterator[Copies]:
        """The copies in order, a piece of at most so many edges (but at least one copy) at a time.

        :param sizes: edges of every copy, int64 ``(num_copies,)``.
        """
        number = (np.cumsum(sizes) - sizes) // most
        if not len(self):
            return
        bounds = np.flatnonzero(np.diff(number, prepend=-1, append=number[-1] + 1))
        for start, stop in pairwise(bounds.tolist()):
            inside = {
                t: (which[here] - start, edges[here])
                for t, (which, edges) in self.removed.items()
                for here in [(which >= start) & (which < stop)]
            }
            yield Copies(self.node_type, self.owners[start:stop], inside)


def edges_into(tensors: GraphTensors, edge_type: EdgeType, nodes: Ints) -> tuple[Ints, Ints, Ints]:
    """The edges of a relation that end at some nodes.

    :return: position in ``nodes``, number of the edge in the relation's block, and source of each.
    """
    csr = tensors.blocks[edge_type].csr
    indptr = csr.indptr.numpy().astype(np.int64)
    rows, edges = expand_rows(indptr[nodes], indptr[nodes + 1] - indptr[nodes])
    return rows, edges, csr.indices.numpy()[edges].astype(np.int64)


def num_edges_into(tensors: GraphTensors, node_type: str, nodes: Ints) -> Ints:
    """How many edges end at each of some nodes, over all relations."""
    total = np.zeros(len(nodes), np.int64)
    for edge_type, block in tensors.blocks.items():
        if edge_type.dst == node_type:
            indptr = block.csr.indptr.numpy()
            total += indptr[nodes + 1] - indptr[nodes]
    return total


def blocks_of(tensors: GraphTensors, copies: Copies, num_layers: int) -> LayeredBlocks:
    """The neighbourhoods of copies, all neighbours of every node, as the model's layers see them.

    :return: the copies are the destinations of the last layer, in their order. As layer-0 inputs they are their owners.
    """
    count = tensors.num_nodes[copies.node_type]
    sampler = NeighborSampler(_with_copies(tensors, copies), [-1] * num_layers)
    seeds = {copies.node_type: count + np.arange(len(copies))}
    blocks = sampler.sample(seeds, np.random.default_rng(0))  # all neighbours, so nothing is drawn
    nodes = blocks.input_nodes[copies.node_type]
    assert nodes is not None
    owners = torch.from_numpy(copies.owners)
    originals = torch.where(nodes >= count, owners[(nodes - count).clamp(min=0)], nodes)
    return replace(blocks, input_nodes={**blocks.input_nodes, copies.node_type: originals})


def whole_graph_blocks(
    tensors: GraphTensors, copies: Copies, num_layers: int
) -> tuple[LayeredBlocks, Tensor]:
    """The whole graph in every layer, with copies; and which nodes of the last layer these are."""
    blocks = _with_copies(tensors, copies).full(num_layers)
    count = tensors.num_nodes[copies.node_type]
    originals = torch.cat([torch.arange(count), torch.from_numpy(copies.owners)])
    nodes = {**blocks.input_nodes, copies.node_type: originals}
    return replace(blocks, input_nodes=nodes), count + torch.arange(len(copies))


def _with_copies(tensors: GraphTensors, copies: Copies) -> GraphTensors:
    extended = copy.copy(tensors)
    ntype = copies.node_type
    extended.num_nodes = {**tensors.num_nodes, ntype: tensors.num_nodes[ntype] + len(copies)}
    extended.interaction_ids = {}  # no interaction is left out of anything here
    extended.blocks = {
        t: _extended(tensors, t, copies) if ntype in (t.src, t.dst) else block
        for t, block in tensors.blocks.items()
    }
    return extended


def _extended(tensors: GraphTensors, edge_type: EdgeType, copies: Copies) -> RelationBlock:
    block = tensors.blocks[edge_type]
    owners = torch.from_numpy(copies.owners)
    indptr, indices, edge = block.csr.indptr, block.csr.indices, dict(block.edge)
    rows, columns = block.num_dst, block.num_src
    src_degree, dst_degree = block.src_degree, block.dst_degree
    if edge_type.dst == copies.node_type:
        which, edges, _ = edges_into(tensors, edge_type, copies.owners)
        if edge_type in copies.removed:
            lost = _pairs(*copies.removed[edge_type], block.num_edges)
            stay = ~np.isin(_pairs(which, edges, block.num_edges), lost)
            which, edges = which[stay], edges[stay]
        new = torch.from_numpy(edges)
        ends = block.num_edges + np.cumsum(np.bincount(which, minlength=len(copies)))
        indptr = torch.cat([indptr, torch.from_numpy(ends.astype(np.int32))])
        indices = torch.cat([indices, indices[new]])
        edge = {name: torch.cat([value, value[new]]) for name, value in edge.items()}
        rows += len(copies)
        dst_degree = _append(dst_degree, owners)
    if edge_type.src == copies.node_type:
        columns += len(copies)
        src_degree = _append(src_degree, owners)
    nothing = torch.empty(0, dtype=torch.int32)
    # the transposed pattern is for gradients, and here are none
    csr = Csr(indptr, indices, rows, columns, (nothing, nothing, nothing))
    return RelationBlock(edge_type, csr, edge, src_degree, dst_degree)


def _append(degree: Tensor | None, owners: Tensor) -> Tensor | None:
    return None if degree is None else torch.cat([degree, degree[owners]])


def _pairs(which: Ints, edges: Ints, num_edges: int) -> Ints:
    return np.asarray(which * num_edges + edges)
