"""Degree-normalised sum."""

from __future__ import annotations

from torch import Tensor

from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.registry import relation_encoders
from hetmusic.relations.weights import WeightScale, check_scale, edge_weights


@relation_encoders.register("lightgcn")
class LightGCNEncoder(RelationEncoder):
    """Degree-normalised sum, Σ w_vu h_u / (d_u^a · d_v^b) (He et al. 2020, LightGCN, eq. 3, where a = b = 1/2).

    w_vu = 1 unless edge weights are in use. The destination's degree is that in the batch (its sampled or kept edges), the
    source's that in the training graph: a source's own edges are not in the batch as a rule.

    :param dim: size of the representations.
    :param src_power: a, how strongly popular sources are damped.
    :param dst_power: b; 1 makes a mean over the destination's edges.
    :param weight: scale on which edge weights multiply the messages.
    """

    def __init__(
        self, dim: int, src_power: float = 0.5, dst_power: float = 0.5, weight: WeightScale = "none"
    ) -> None:
        super().__init__(dim)
        check_scale(weight)
        self.src_power = src_power
        self.dst_power = dst_power
        self.weight = weight

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        h = src.h
        if self.src_power and src.degree is not None:
            h = h * src.degree.clamp(min=1).pow(-self.src_power).to(h.dtype)[:, None]
        out = relation.sum(h, edge_weights(relation, self.weight))
        return out * relation.in_degree.clamp(min=1).pow(-self.dst_power).to(out.dtype)[:, None]
