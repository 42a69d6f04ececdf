"""Checks that the same edges give the same result, however they are given: in any order, twice, sampled."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hetmusic._dgl import dgl
from hetmusic.relations import NodeInputs, RelationBlock
from hetmusic.testing.contract import require
from hetmusic.testing.encoder_case import LIKED_BY, EncoderCase, Sample
from hetmusic.testing.encoder_contract import encoder_contract
from hetmusic.testing.encoder_values import require_finite, require_shape
from hetmusic.training.sampling import NeighborSampler
from hetmusic.training.tensors import GraphTensors


def _picked(block: RelationBlock, edges: Tensor) -> RelationBlock:
    """The edges at some positions, in that order, with the degrees of the whole graph."""
    return RelationBlock.from_coo(
        block.edge_type,
        block.src_index[edges],
        block.dst_index[edges],
        block.num_src,
        block.num_dst,
        {name: value[edges] for name, value in block.edge.items()},
        src_degree=block.src_degree,
        dst_degree=block.dst_degree,
    )


def _largest_difference(one: Tensor, two: Tensor) -> float:
    return float((one - two).detach().abs().max()) if one.numel() else 0.0


@encoder_contract.check(
    rule="the order in which edges are given does not matter",
    fix="use each edge's own attributes and nothing that depends on its position, such as relation.edge[...][0]",
)
def edge_order(case: EncoderCase) -> None:
    """Edges turned round."""
    sample, encoder = case.sample(num_edges=20), case.make().eval()
    turned = torch.randperm(20, generator=torch.Generator().manual_seed(7))
    again = Sample(_picked(sample.block, turned), sample.src, sample.dst)
    difference = _largest_difference(sample.run(encoder), again.run(encoder))
    require(difference < 1e-4, f"results differ by {difference:.2g} when edges are given in another order")


@encoder_contract.check(
    rule="an edge that occurs twice is two edges: results are finite, and other destinations do not notice",
    fix="do not look edges up by their ends; go through relation.src_index and relation.dst_index",
)
def duplicate_edges(case: EncoderCase) -> None:
    """Every edge of destination 0 twice, then all edges twice."""
    sample, encoder = case.sample(num_edges=20), case.make().eval()
    block = sample.block
    first = torch.nonzero(block.dst_index == 0)[:, 0]
    once = torch.arange(block.num_edges)
    for extra, what in ((first, "destination 0"), (once, "every destination")):
        twice = Sample(_picked(block, torch.cat([once, extra])), sample.src, sample.dst).leaves()
        out = twice.run(encoder)
        require_shape(out, twice, case.dim, f"with the edges of {what} twice")
        if extra is first:
            difference = _largest_difference(sample.run(encoder)[1:], out[1:])
            require(
                difference < 1e-4,
                f"rows of other destinations change by {difference:.2g} with the edges of {what} twice",
            )
        require_finite(twice, encoder, out, f"with the edges of {what} twice")


@encoder_contract.check(
    rule="a sampled neighbourhood that holds all neighbours of a node gives the node the same row as the whole graph",
    fix="use what belongs to the nodes and edges, never the size, the maximum or the mean of the batch",
)
def sampled_equals_full(case: EncoderCase) -> None:
    """The sampler of training, told to take all neighbours of three users, against the whole graph."""
    sample, encoder = case.sample(12, 8, 40), case.make().eval()
    graph = _tensors(sample.block)
    whole = graph.blocks[LIKED_BY]
    src = NodeInputs(sample.src.h, None, whole.src_degree)
    dst = NodeInputs(sample.dst.h, None, whole.dst_degree)
    expected = encoder(whole, src, dst)
    users = np.array([6, 1, 3])
    blocks = NeighborSampler(graph, [-1]).sample({"user": users}, np.random.default_rng(0))
    part, songs = blocks.layers[0].blocks[LIKED_BY], blocks.input_nodes["song"]
    found = encoder(
        part,
        NodeInputs(sample.src.h[songs], None, part.src_degree),
        NodeInputs(sample.dst.h[torch.from_numpy(users)], None, part.dst_degree),
    )
    difference = _largest_difference(expected[torch.from_numpy(users)], found)
    require(difference < 1e-4, f"rows differ by {difference:.2g} between the whole graph and a sample of it")


def _tensors(block: RelationBlock) -> GraphTensors:
    """A training graph of one relation, made as training makes it."""
    ends = (block.src_index, block.dst_index)
    counts = {block.edge_type.src: block.num_src, block.edge_type.dst: block.num_dst}
    graph = dgl.heterograph({tuple(block.edge_type): ends}, num_nodes_dict=counts)
    graph.edges[tuple(block.edge_type)].data["weight"] = block.edge["weight"]
    graph.edges[tuple(block.edge_type)].data["time"] = (block.edge["time"] * 86_400).long()
    return GraphTensors(graph, [])
