"""Mean weighted by how sure play counts make us."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hetmusic.errors import ConfigError
from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.registry import relation_encoders
from hetmusic.relations.weights import edge_weights


@relation_encoders.register("confidence")
class ConfidenceEncoder(RelationEncoder):
    """Mean weighted by play counts, c_vu = 1 + a · log(1 + w_vu / e) (confidence of Hu, Koren and Volinsky 2008, eq. 6).

    h_v = Σ_u c_vu h_u / Σ_u c_vu: one listen says something, hundreds say more, and a is how much more; with a = 0 it is the
    plain mean. Edges without weights count alike.

    :param dim: size of the representations.
    :param alpha: a, or what it starts from.
    :param learned: whether a is learned (it stays positive).
    :param relative: whether e is the destination's mean weight instead of 1, so that an artist counts more who is played
        more than what this user plays as a rule.
    """

    sums_sources = True

    def __init__(self, dim: int, alpha: float = 1.0, learned: bool = True, relative: bool = False) -> None:
        super().__init__(dim)
        if alpha <= 0:
            raise ConfigError(f"relation encoder 'confidence' needs a positive alpha, not {alpha}")
        self.log_alpha = nn.Parameter(torch.tensor(math.log(alpha)), requires_grad=learned)
        self.relative = relative

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        total = relation.in_degree.clamp(min=1)
        out = src.sum(relation)
        weights = edge_weights(relation, "linear")
        if weights is not None:
            if self.relative:
                mean = relation.sum_edges(weights) / total
                weights = weights / mean.where(mean > 0, mean.new_ones(()))[relation.dst_index]
            # two sums whose weights are not learned take less than one whose weights are
            more, alpha = weights.log1p(), self.log_alpha.exp()
            out = out + alpha.to(out.dtype) * src.sum(relation, more)
            total = total + alpha * relation.sum_edges(more)
        return out / total.to(src.like.dtype)[:, None]
