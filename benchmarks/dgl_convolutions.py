"""What a convolution of DGL costs as relation encoder, and through ``dgl.nn.HeteroGraphConv``.

Both run the same layer, forward and backward, over the same two relations of a sampled neighbourhood (songs to users and
users to users), with the same weights, in turn. A neighbourhood is new in every round for both: what is derived of its
edges (formats of DGL, degrees) counts. Prints medians of processor time and their ratio::

    OMP_NUM_THREADS=1 python benchmarks/dgl_convolutions.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, replace

import torch
from measuring import machine
from torch import Tensor

from hetmusic._dgl import dgl
from hetmusic.graph import EdgeType
from hetmusic.models import HeteroConv
from hetmusic.relations import NodeInputs, RelationBlock, relation_encoders
from hetmusic.training.memory import keep_freed_memory

LISTENED, FRIENDS = EdgeType("song", "liked_by", "user"), EdgeType("user", "friends", "user")
CONVOLUTIONS = {
    "GraphConv": {},
    "SAGEConv": {"aggregator_type": "mean"},
    "GATConv": {"num_heads": 4},
    "GATv2Conv": {"num_heads": 4},
    "GINConv": {"apply_func": "linear"},
}


@dataclass(frozen=True)
class Size:
    """A sampled neighbourhood: so many users ask ten neighbours over each relation, out of so many songs and users."""

    users: int
    sources: int
    dim: int

    def block(self, edge_type: EdgeType) -> RelationBlock:
        """The edges of one relation."""
        src, dst = (torch.randint(count, (10 * self.users,)) for count in (self.sources, self.users))
        return RelationBlock.from_coo(edge_type, src, dst, self.sources, self.users)


SIZES = [Size(2_000, 5_000, 64), Size(6_000, 20_000, 128)]


def main() -> None:
    """Measure every convolution."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    keep_freed_memory()  # as training does, for both
    print(machine())
    torch.manual_seed(0)
    for size in SIZES:
        print(f"\n{size}\n{'convolution':12s} {'HeteroGraphConv':>16s} {'as encoder':>12s}   ratio")
        for name, arguments in CONVOLUTIONS.items():
            theirs, ours = _compare(name, arguments, size, rounds)
            print(f"{name:12s} {theirs:13.1f} ms {ours:9.1f} ms   {ours / theirs:.2f}")


def _compare(name: str, arguments: dict[str, object], size: Size, rounds: int) -> tuple[float, float]:
    """Median milliseconds of processor time, theirs and ours."""
    blocks = [size.block(edge_type) for edge_type in (LISTENED, FRIENDS)]
    path = f"dgl.nn.pytorch:{name}"
    encoders = {block.edge_type: relation_encoders.make(path, dim=size.dim, **arguments) for block in blocks}
    ours = HeteroConv(encoders, size.dim)
    theirs = dgl.nn.HeteroGraphConv({t.relation: e.convolution for t, e in encoders.items()}, aggregate="sum")
    inputs = {ntype: torch.randn(size.sources, size.dim, requires_grad=True) for ntype in ("song", "user")}

    def run_ours() -> Tensor:
        nodes = {ntype: NodeInputs(h) for ntype, h in inputs.items()}
        return ours(fresh, nodes, {"user": size.users})["user"]

    def run_theirs() -> Tensor:
        out: Tensor = theirs(graph, inputs)["user"]
        return out.flatten(1)

    times: dict[str, list[float]] = {"theirs": [], "ours": []}
    for turn in range(rounds + 5):
        fresh = {block.edge_type: _anew(block) for block in blocks}
        graph = _dgl_block(blocks, size)
        sides = [("theirs", run_theirs), ("ours", run_ours)]
        results = {}
        for side, run in sides if turn % 2 else reversed(sides):
            start = time.process_time()
            results[side] = run()
            results[side].square().mean().backward()
            if turn >= 5:
                times[side].append(time.process_time() - start)
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


def _dgl_block(blocks: list[RelationBlock], size: Size) -> object:
    edges = {
        tuple(block.edge_type): (
            "csc",
            (block.csr.indptr, block.csr.indices, torch.arange(block.num_edges, dtype=torch.int32)),
        )
        for block in blocks
    }
    sources = {"song": size.sources, "user": size.sources}
    return dgl.create_block(edges, num_src_nodes=sources, num_dst_nodes={"song": 0, "user": size.users})


if __name__ == "__main__":
    main()
