"""What a convolution of DGL costs as relation encoder, and through ``dgl.nn.HeteroGraphConv``.

Both run the same layer, forward and backward, over the same two relations of a sampled neighbourhood (songs to users and
users to users), with the same weights, in turn. A neighbourhood is new in every round for both: what is derived of its
edges (formats of DGL, degrees) counts. Prints medians and their ratio::

    OMP_NUM_THREADS=1 python benchmarks/dgl_convolutions.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace

import torch
from measuring import machine
from torch import Tensor

from hetmusic._dgl import dgl
from hetmusic.graph import EdgeType
from hetmusic.models import HeteroConv
from hetmusic.relations import NodeInputs, RelationBlock, relation_encoders

#: as in the default preset
DIM = 128
LISTENED, FRIENDS = EdgeType("song", "liked_by", "user"), EdgeType("user", "friends", "user")
#: relation -> number of edges: ten neighbours over each relation of 6,000 users, as in a step on a large graph
EDGES = {LISTENED: 60_000, FRIENDS: 60_000}
NUM_SRC, NUM_DST = {"song": 20_000, "user": 20_000}, {"song": 0, "user": 6_000}
CONVOLUTIONS = {
    "GraphConv": {},
    "SAGEConv": {"aggregator_type": "mean"},
    "GATConv": {"num_heads": 4},
    "GATv2Conv": {"num_heads": 4},
    "GINConv": {"apply_func": "linear"},
}


def main() -> None:
    """Measure every convolution."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    print(machine())
    torch.manual_seed(0)
    blocks = [_block(edge_type, count) for edge_type, count in EDGES.items()]
    print(f"{'convolution':12s} {'HeteroGraphConv':>16s} {'as encoder':>12s}   ratio")
    for name, arguments in CONVOLUTIONS.items():
        theirs, ours = _compare(name, arguments, blocks, rounds)
        print(f"{name:12s} {theirs:13.1f} ms {ours:9.1f} ms   {ours / theirs:.2f}")


def _block(edge_type: EdgeType, count: int) -> RelationBlock:
    num_src, num_dst = NUM_SRC[edge_type.src], NUM_DST[edge_type.dst]
    src, dst = torch.randint(num_src, (count,)), torch.randint(num_dst, (count,))
    return RelationBlock.from_coo(edge_type, src, dst, num_src, num_dst)


def _compare(
    name: str, arguments: dict[str, object], blocks: list[RelationBlock], rounds: int
) -> tuple[float, float]:
    path = f"dgl.nn.pytorch:{name}"
    encoders = {block.edge_type: relation_encoders.make(path, dim=DIM, **arguments) for block in blocks}
    ours = HeteroConv(encoders, DIM)
    theirs = dgl.nn.HeteroGraphConv({t.relation: e.convolution for t, e in encoders.items()}, aggregate="sum")
    inputs = {ntype: torch.randn(count, DIM, requires_grad=True) for ntype, count in NUM_SRC.items()}

    def run_ours() -> Tensor:
        nodes = {ntype: NodeInputs(h) for ntype, h in inputs.items()}
        return ours(fresh, nodes, {"user": NUM_DST["user"]})["user"]

    def run_theirs() -> Tensor:
        out: Tensor = theirs(graph, inputs)["user"]
        return out.flatten(1)

    times: dict[str, list[float]] = {"theirs": [], "ours": []}
    for turn in range(rounds + 5):
        fresh = {block.edge_type: _anew(block) for block in blocks}
        graph = _dgl_block(blocks)
        sides = [("theirs", run_theirs), ("ours", run_ours)]
        results = {}
        for side, run in sides if turn % 2 else reversed(sides):
            start = time.perf_counter()
            results[side] = run()
            results[side].square().mean().backward()
            if turn >= 5:
                times[side].append(time.perf_counter() - start)
        if turn == 0:
            # what has no edges of a relation gets nothing from it here, and the bias of its convolution there
            reached = torch.stack([block.in_degree > 0 for block in blocks]).all(dim=0)
            assert torch.allclose(results["ours"][reached], results["theirs"][reached], atol=1e-4), name
    return 1000 * statistics.median(times["theirs"]), 1000 * statistics.median(times["ours"])


def _anew(block: RelationBlock) -> RelationBlock:
    """The block as a sampler hands it out: nothing derived from its edges yet."""
    return RelationBlock(
        block.edge_type, replace(block.csr, made={}), block.edge, block.src_degree, block.dst_degree
    )


def _dgl_block(blocks: list[RelationBlock]) -> object:
    edges = {
        tuple(block.edge_type): (
            "csc",
            (block.csr.indptr, block.csr.indices, torch.arange(block.num_edges, dtype=torch.int32)),
        )
        for block in blocks
    }
    return dgl.create_block(edges, num_src_nodes=NUM_SRC, num_dst_nodes=NUM_DST)


if __name__ == "__main__":
    main()
