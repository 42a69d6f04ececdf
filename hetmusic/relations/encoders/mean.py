"""Mean and sum of the neighbours, optionally weighted."""

from __future__ import annotations

from torch import Tensor

from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.registry import relation_encoders
from hetmusic.relations.weights import WeightScale, check_scale, edge_weights


@relation_encoders.register("sum")
class SumEncoder(RelationEncoder):
    """Sum of the neighbours, Σ w_vu h_u, the simplest AGGREGATE of eq. 2 of the MM-GNN paper.

    w_vu = 1 unless edge weights are in use.

    :param dim: size of the representations.
    :param weight: scale on which edge weights multiply the messages.
    """

    sums_sources = True

    def __init__(self, dim: int, weight: WeightScale = "none") -> None:
        super().__init__(dim)
        check_scale(weight)
        self.weight = weight

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        return src.sum(relation, edge_weights(relation, self.weight))


@relation_encoders.register("mean")
class MeanEncoder(RelationEncoder):
    """Mean of the neighbours, Σ w_vu h_u / Σ w_vu (Hamilton et al. 2017, GraphSAGE, mean aggregator without matrices).

    w_vu = 1 unless edge weights are in use.

    :param dim: size of the representations.
    :param weight: scale on which edge weights count.
    """

    sums_sources = True

    def __init__(self, dim: int, weight: WeightScale = "none") -> None:
        super().__init__(dim)
        check_scale(weight)
        self.weight = weight

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        weights = edge_weights(relation, self.weight)
        if weights is None:
            return src.sum(relation, relation.mean_weights)
        total = relation.sum_edges(weights)
        # weights below one are legitimate, so only a total of zero is guarded
        scale = total.where(total > 0, total.new_ones(())).reciprocal().index_select(0, relation.dst_index)
        # edges are fewer than numbers of the result, so the division is theirs
        return src.sum(relation, weights * scale)
