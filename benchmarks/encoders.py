"""What an encoder of one's own costs beside the built-in one that does the same, on sampled neighbourhoods.

    OMP_NUM_THREADS=1 python benchmarks/encoders.py graphs/lastfm

A step's users draw 10 neighbours over liked_by, as in training; each round takes a new neighbourhood and times forward and
backward of an own encoder and the built-in one in turn, called as HeteroConv calls them, checks included. Prints medians of
processor time, since others may use the machine, and ratios, of the two levels at which one writes an encoder:

* ``message``: a row an edge, reduced by the base class (mean) or by a reduce of its own (weighted mean). Messages that scale
  the rows of sources become fused products; ``MessageMade`` does what needs the rows themselves;
* ``forward``: the fused product that the built-in encoder uses as well.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from measuring import machine
from torch import Tensor, nn

from hetmusic import MusicGraph
from hetmusic.graph.splits import random_split
from hetmusic.graph.view import TrainingView
from hetmusic.models import HeteroConv
from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder, relation_encoders
from hetmusic.training.memory import keep_freed_memory
from hetmusic.training.sampling import NeighborSampler
from hetmusic.training.tensors import GraphTensors


class MessageMean(RelationEncoder):
    """The mean, by messages."""

    def message(self, src, dst, edge):  # noqa: D102
        return src.h


class MessageWeighted(RelationEncoder):
    """The mean weighted by log(1 + plays), by messages."""

    def message(self, src, dst, edge):  # noqa: D102
        return src.h * edge["weight"].log1p()[:, None]

    def reduce(self, relation, messages):  # noqa: D102
        return relation.sum_edges(messages) / relation.sum_edges(relation.edge["weight"].log1p())[:, None]


class MessageMade(MessageWeighted):
    """The same by messages that must be made."""

    def message(self, src, dst, edge):  # noqa: D102
        return src.h.clone() * edge["weight"].log1p()[:, None]


class ForwardMean(RelationEncoder):
    """The mean, by a fused product."""

    def forward(self, relation, src, dst):  # noqa: D102
        return relation.sum(src.h) / relation.in_degree.clamp(min=1)[:, None]


class ForwardWeighted(RelationEncoder):
    """The mean weighted by log(1 + plays), by a fused product."""

    def forward(self, relation, src, dst):  # noqa: D102
        weight = relation.edge["weight"].log1p()
        return relation.sum(src.h, weight) / relation.sum_edges(weight)[:, None]


class MessageLearned(RelationEncoder):
    """A mean whose weights fall with plays, at a rate that is learned, by messages."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.rate = nn.Parameter(torch.tensor(0.1))

    def weights(self, edge):  # noqa: D102
        return torch.exp(-self.rate * edge["weight"].log1p())

    def message(self, src, dst, edge):  # noqa: D102
        return src.h * self.weights(edge)[:, None]

    def reduce(self, relation, messages):  # noqa: D102
        return relation.sum_edges(messages) / relation.sum_edges(self.weights(relation.edge))[:, None]


class ForwardLearned(MessageLearned):
    """The same by a fused product; no built-in encoder learns from these weights."""

    def forward(self, relation, src, dst):  # noqa: D102
        weights = self.weights(relation.edge)
        return relation.sum(src.h, weights) / relation.sum_edges(weights)[:, None]


#: own encoder -> one that does the same by a fused product: a built-in one and its arguments, or a class
PAIRS: dict[type[RelationEncoder], tuple[str | type[RelationEncoder], dict[str, str]]] = {
    MessageMean: ("mean", {}),
    MessageWeighted: ("mean", {"weight": "log"}),
    MessageMade: ("mean", {"weight": "log"}),
    MessageLearned: (ForwardLearned, {}),
    ForwardMean: ("mean", {}),
    ForwardWeighted: ("mean", {"weight": "log"}),
}


def main() -> None:
    """Measure every pair at two sizes of representations."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graph", type=Path)
    parser.add_argument("--users", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=100)
    given = parser.parse_args()
    print(machine())
    keep_freed_memory()  # as training does
    blocks = sampled_blocks(MusicGraph.open(given.graph), given.users, given.rounds + 5)
    edges = statistics.mean(block.num_edges for block in blocks)
    print(f"{given.users} users, {edges:,.0f} edges, {blocks[0].num_src:,} sources a neighbourhood")
    print(f"{'encoder':16} {'dim':>4} {'own':>9} {'fused':>9}   ratio")
    for dim in (64, 128):
        for own, (peer, arguments) in PAIRS.items():
            mine, theirs = compare(own(dim), made(peer, dim, arguments), blocks)
            print(f"{own.__name__:16} {dim:4} {mine:6.2f} ms {theirs:6.2f} ms   {mine / theirs:.2f}")


def made(peer: str | type[RelationEncoder], dim: int, arguments: dict[str, str]) -> RelationEncoder:
    """The encoder that one's own is compared with."""
    return relation_encoders.make(peer, dim=dim, **arguments) if isinstance(peer, str) else peer(dim)


def sampled_blocks(graph: MusicGraph, users: int, count: int) -> list[RelationBlock]:
    """Neighbourhoods of random users over the relation from items to users."""
    view = TrainingView(graph, random_split(graph, seed=0))
    ends = (graph.item_type, graph.user_type)
    profiles = [edge_type for edge_type in view.relations() if (edge_type.src, edge_type.dst) == ends][:1]
    tensors = GraphTensors.from_view(view, profiles)
    sampler, rng = NeighborSampler(tensors, [10]), np.random.default_rng(0)
    found = []
    for _ in range(count):
        seeds = rng.choice(graph.num_nodes(graph.user_type), users, replace=False)
        found.append(sampler.sample({graph.user_type: seeds}, rng).layers[0].blocks[profiles[0]])
    return found


def compare(
    own: RelationEncoder, built_in: RelationEncoder, blocks: list[RelationBlock]
) -> tuple[float, float]:
    """Median milliseconds of both, in turn; the first five rounds warm up."""
    edge_type = blocks[0].edge_type
    layers = [HeteroConv({edge_type: encoder}, own.dim) for encoder in (own, built_in)]
    times: list[list[float]] = [[], []]
    for turn, block in enumerate(blocks):
        h = torch.randn(block.num_src, own.dim, requires_grad=True)
        results: list[Tensor] = []
        # the one that comes second finds a warm cache, so they take turns at that as well
        for which in (0, 1) if turn % 2 else (1, 0):
            # nothing that is derived of the edges is shared
            fresh = RelationBlock(edge_type, block.csr, block.edge, block.src_degree, block.dst_degree)
            h.grad = None
            started = time.process_time()
            out = layers[which](
                {edge_type: fresh}, {edge_type.src: NodeInputs(h)}, {edge_type.dst: fresh.num_dst}
            )[edge_type.dst]
            out.sum().backward()
            times[which].append(time.process_time() - started)
            results.append(out.detach())
        assert torch.allclose(*results, atol=1e-4)
    mine, theirs = (1000 * statistics.median(series[5:]) for series in times)
    return mine, theirs


if __name__ == "__main__":
    main()
