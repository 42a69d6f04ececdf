"""Mean of the neighbours behind a learned gate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.registry import relation_encoders


@relation_encoders.register("gated")
class GatedEncoder(RelationEncoder):
    """g * mean(h_src) with one gate a destination node, g = sigmoid(w · [h_dst, mean, h_dst * mean] + b).

    Meant for relations that may carry nothing, such as friendships on some data: the gate starts nearly closed, so the
    relation has to earn its influence.

    :param dim: size of the representations.
    :param bias: initial b; -2 opens the gate by 12 %.
    """

    def __init__(self, dim: int, bias: float = -2.0) -> None:
        super().__init__(dim)
        self.gate = nn.Linear(3 * dim, 1)
        nn.init.zeros_(self.gate.weight)
        nn.init.constant_(self.gate.bias, bias)

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        mean = relation.sum(src.h) / relation.in_degree.clamp(min=1).to(src.h.dtype)[:, None]
        gate = torch.sigmoid(self.gate(torch.cat([dst.h, mean, dst.h * mean], dim=1)))
        return gate * mean
