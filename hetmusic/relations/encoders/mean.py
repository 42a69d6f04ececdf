"""Mean and sum of the neighbours, optionally weighted."""

from __future__ import annotations

from torch import Tensor

from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.registry import relation_encoders
from hetmusic.relations.weights import WeightScale, check_scale, edge_weights


@relation_encoders.register("sum")
class SumEncoder(RelationEncoder):
    """Sum of the neighbours, the simplest AGGREGATE of eq. 2 of the MM-GNN paper.

    :param dim: size of the representations.
    :param weight: scale on which edge weights multiply the messages.
    """

    def __init__(self, dim: int, weight: WeightScale = "none") -> None:
        super().__init__(dim)
        check_scale(weight)
        self.weight = weight

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        return relation.sum(src.h, edge_weights(relation, self.weight))


@relation_encoders.register("mean")
class MeanEncoder(RelationEncoder):
    """Mean of the neighbours: h_v = sum_j w_j h_j / sum_j w_j, with w_j = 1 unless edges carry weights in use.

    :param dim: size of the representations.
    :param weight: scale on which edge weights count.
    """

    def __init__(self, dim: int, weight: WeightScale = "none") -> None:
        super().__init__(dim)
        check_scale(weight)
        self.weight = weight

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        weights = edge_weights(relation, self.weight)
        if weights is None:
            total = relation.in_degree
        else:
            total = weights.new_zeros(relation.num_dst).index_add(0, relation.dst_index, weights)
        # weights below one are legitimate, so only a total of zero is guarded
        scale = total.where(total > 0, total.new_ones(())).reciprocal().to(src.h.dtype)
        return relation.sum(src.h, weights) * scale[:, None]
