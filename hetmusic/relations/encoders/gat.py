"""Graph attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hetmusic.relations.attention import AttentionEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.registry import relation_encoders


@relation_encoders.register("gat")
class GATEncoder(AttentionEncoder):
    """Attention-weighted mean of projected neighbours (Velickovic et al. 2018, Graph Attention Networks, eqs. 1-5).

    h_v = Σ_u alpha_vu W_src h_u with alpha_vu = softmax_u LeakyReLU(a_dst · W_dst h_v + a_src · W_src h_u), the heads
    concatenated. The ranking of neighbours is the same for every destination; see ``gatv2`` for one that is not.

    :param dim: size of the representations; a multiple of ``heads``.
    :param heads: number of attention heads.
    :param negative_slope: slope of the LeakyReLU below zero.
    """

    def __init__(self, dim: int, heads: int = 4, negative_slope: float = 0.2) -> None:
        super().__init__(dim, heads)
        self.negative_slope = negative_slope
        self.project_src = nn.Linear(dim, dim, bias=False)
        self.project_dst = nn.Linear(dim, dim, bias=False)
        self.attend_src = nn.Parameter(torch.empty(heads, dim // heads))
        self.attend_dst = nn.Parameter(torch.empty(heads, dim // heads))
        nn.init.xavier_uniform_(self.attend_src)
        nn.init.xavier_uniform_(self.attend_dst)

    def score_edges(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> tuple[Tensor, Tensor]:  # noqa: D102
        values = self.project_src(src.h).view(relation.num_src, self.heads, -1)
        queries = self.project_dst(dst.h).view(relation.num_dst, self.heads, -1)
        src_score = (values * self.attend_src).sum(-1)
        dst_score = (queries * self.attend_dst).sum(-1)
        scores = src_score[relation.src_index] + dst_score[relation.dst_index]
        return functional.leaky_relu(scores, self.negative_slope), values
