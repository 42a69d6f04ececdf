"""GraphSAGE."""

from __future__ import annotations

from torch import Tensor, nn

from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.registry import relation_encoders


@relation_encoders.register("sage")
class SAGEEncoder(RelationEncoder):
    """GraphSAGE's mean aggregator, ReLU(W_own h_v + b + W_nbr mean(h_u)) (Hamilton et al. 2017, algorithm 1).

    :param dim: size of the representations.
    :param activation: whether the ReLU is applied.
    """

    def __init__(self, dim: int, activation: bool = True) -> None:
        super().__init__(dim)
        self.own = nn.Linear(dim, dim)
        self.neighbour = nn.Linear(dim, dim, bias=False)
        self.activation = activation

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        degree = relation.in_degree.clamp(min=1).to(src.h.dtype)
        # projecting before or after the mean is the same; the smaller side is projected
        if relation.num_src < relation.num_dst:
            mean = relation.sum(self.neighbour(src.h)) / degree[:, None]
        else:
            mean = self.neighbour(relation.sum(src.h) / degree[:, None])
        out: Tensor = self.own(dst.h) + mean
        return out.relu() if self.activation else out
