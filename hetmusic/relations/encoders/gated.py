"""Mean of the neighbours behind a learned gate."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.registry import relation_encoders


@relation_encoders.register("gated")
class GatedEncoder(RelationEncoder):
    """Mean behind a gate of each node, g_v · mean(h_u), g_v = sigmoid(w · [h_v, mean, h_v ∘ mean] + b).

    Gates as in Srivastava, Greff and Schmidhuber 2015, Highway Networks.

    Meant for relations that may carry nothing, such as friendships on some data: the gate starts nearly closed, so the
    relation has to earn its influence. A destination without edges gets exactly nothing.

    With ``attention`` the mean is weighted by likeness, alpha_vu = softmax_u(a · cos(h_v, h_u)) with a learned a
    (Thekumparampil et al. 2018, AGNN): friends of the same taste count more. A destination that is zero itself (a user
    without plays) weighs all alike.

    :param dim: size of the representations.
    :param bias: initial b; -2 opens the gate by 12 %.
    :param attention: whether neighbours are weighted by likeness.
    """

    def __init__(self, dim: int, bias: float = -2.0, attention: bool = False) -> None:
        super().__init__(dim)
        self.gate = nn.Linear(3 * dim, 1)
        nn.init.zeros_(self.gate.weight)
        nn.init.constant_(self.gate.bias, bias)
        self.focus = nn.Parameter(torch.ones(1)) if attention else None

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        mean = self._mean(relation, src, dst)
        gate = torch.sigmoid(self.gate(torch.cat([dst.h, mean, dst.h * mean], dim=1)))
        return gate * mean

    def _mean(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:
        if self.focus is None:
            return relation.sum(src.h) / relation.in_degree.clamp(min=1).to(src.h.dtype)[:, None]
        cosines = relation.dot(functional.normalize(dst.h, dim=1), functional.normalize(src.h, dim=1))
        alpha = relation.softmax(self.focus * cosines[:, None])
        return relation.sum(src.h, alpha[:, 0])
