"""Graph attention whose ranking of neighbours depends on who asks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hetmusic.relations.attention import AttentionEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.registry import relation_encoders


@relation_encoders.register("gatv2")
class GATv2Encoder(AttentionEncoder):
    """Dynamic attention (Brody, Alon and Yahav 2022, How Attentive are Graph Attention Networks?, eq. 7).

    h_v = Σ_u alpha_vu W_src h_u with alpha_vu = softmax_u a · LeakyReLU(W_dst h_v + W_src h_u), the heads concatenated.
    The LeakyReLU stands before the product with a, so that each destination can rank its neighbours in its own way; it
    takes an array of shape ``(num_edges, dim)``, which ``gat`` does without.

    :param dim: size of the representations; a multiple of ``heads``.
    :param heads: number of attention heads.
    :param negative_slope: slope of the LeakyReLU below zero.
    """

    def __init__(self, dim: int, heads: int = 4, negative_slope: float = 0.2) -> None:
        super().__init__(dim, heads)
        self.negative_slope = negative_slope
        self.project_src = nn.Linear(dim, dim, bias=False)
        self.project_dst = nn.Linear(dim, dim, bias=False)
        self.attend = nn.Parameter(torch.empty(heads, dim // heads))
        nn.init.xavier_uniform_(self.attend)

    def score_edges(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> tuple[Tensor, Tensor]:  # noqa: D102
        values = self.project_src(src.h).view(relation.num_src, self.heads, -1)
        queries = self.project_dst(dst.h).view(relation.num_dst, self.heads, -1)
        both = queries[relation.dst_index] + values[relation.src_index]
        return (functional.leaky_relu(both, self.negative_slope) * self.attend).sum(-1), values
