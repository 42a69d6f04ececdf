"""Small blocks on which results can be computed by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from hetmusic.graph import EdgeType
from hetmusic.relations import NodeInputs, RelationBlock
from hetmusic.relations.kernels import Csr

#: fake CUDA tensors can be indexed only where torch was compiled with CUDA (no GPU is needed)
needs_cuda_build = pytest.mark.skipif(torch.version.cuda is None, reason="needs a CUDA build of torch")

LIKED_BY = EdgeType("song", "liked_by", "user")
LIKES = EdgeType("user", "likes", "song")
TAG_OF = EdgeType("tag", "tag_of", "song")
FRIENDS = EdgeType("user", "friends", "user")


def tiny_block(weight: list[float] | None = None) -> RelationBlock:
    """Three sources, three destinations: 0 <- {0, 1}, 1 <- {2}, 2 <- {} (edges given out of order)."""
    edge = {} if weight is None else {"weight": torch.tensor(weight)}
    src, dst = torch.tensor([2, 0, 1]), torch.tensor([1, 0, 0])
    return RelationBlock.from_coo(LIKED_BY, src, dst, 3, 3, edge)


def random_block(
    num_src: int, num_dst: int, num_edges: int, seed: int = 0, edge_type: EdgeType = LIKED_BY
) -> RelationBlock:
    """Distinct random edges with weights and times."""
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randperm(num_src * num_dst, generator=generator)[:num_edges]
    edge = {
        "weight": torch.rand(num_edges, generator=generator) * 9 + 1,
        "time": 15_000 + torch.rand(num_edges, generator=generator) * 900,
    }
    return RelationBlock.from_coo(edge_type, codes % num_src, codes // num_src, num_src, num_dst, edge)


def inputs(num_nodes: int, dim: int, seed: int = 1, degree: Tensor | None = None) -> NodeInputs:
    """Random representations."""
    h = torch.randn(num_nodes, dim, generator=torch.Generator().manual_seed(seed))
    return NodeInputs(h, None, degree)


def fake_cuda(block: RelationBlock, mode: FakeTensorMode) -> RelationBlock:
    """The block as it would be on a GPU, without one: tensors that know their device and shape only."""

    def fake(tensor: Tensor) -> Tensor:
        with mode:
            return torch.empty(tensor.shape, dtype=tensor.dtype, device="cuda")

    csr = block.csr
    moved = Csr(
        fake(csr.indptr),
        fake(csr.indices),
        csr.num_rows,
        csr.num_cols,
        tuple(fake(t) for t in csr.transposed),
    )
    edge = {name: fake(value) for name, value in block.edge.items()}
    return RelationBlock(block.edge_type, moved, edge, fake(block.src_degree), fake(block.dst_degree))
