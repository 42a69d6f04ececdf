"""Attention with projections of every node type and matrices of every relation."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hetmusic.graph.types import EdgeType
from hetmusic.relations.attention import AttentionEncoder
from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.heads import dot_heads
from hetmusic.relations.registry import relation_encoders


@relation_encoders.register("hgt")
class HGTEncoder(AttentionEncoder):
    """Typed attention (Hu et al. 2020, Heterogeneous Graph Transformer, eqs. 3 and 4).

    h_v = Σ_u alpha_vu V_s(h_u) W_msg with alpha_vu = softmax_u (K_s(h_u) W_att · Q_t(h_v)) · mu / √d, the heads, of
    size d, concatenated. Relations of a layer share K and V if they have the source type s in common, and Q if the
    destination type t; W_att, W_msg and the prior mu are the relation's own. With ``model.combine = "joint-softmax"`` the
    softmax runs over the edges of all relations into v at once, as in the paper; with other ways to combine, each
    relation has its own.

    :param dim: size of the representations; a multiple of ``heads``.
    :param heads: number of attention heads.
    """

    def __init__(self, dim: int, heads: int = 4) -> None:
        super().__init__(dim, heads)
        self.key, self.value, self.query = (nn.Linear(dim, dim) for _ in range(3))
        size = dim // heads
        self.attend = nn.Parameter(torch.empty(heads, size, size))
        self.speak = nn.Parameter(torch.empty(heads, size, size))
        self.prior = nn.Parameter(torch.ones(heads))
        for matrix in [*self.attend, *self.speak]:
            nn.init.xavier_uniform_(matrix.data)

    def share(self, edge_type: EdgeType, earlier: Mapping[EdgeType, RelationEncoder]) -> None:  # noqa: D102
        for other, peer in earlier.items():
            if peer.dim == self.dim and other.src == edge_type.src:
                self.borrow("key", peer)
                self.borrow("value", peer)
            if peer.dim == self.dim and other.dst == edge_type.dst:
                self.borrow("query", peer)

    def score_edges(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> tuple[Tensor, Tensor]:  # noqa: D102
        keys = torch.einsum("nhi,hij->nhj", self._split(self.key(src.h)), self.attend)
        values = torch.einsum("nhi,hij->nhj", self._split(self.value(src.h)), self.speak)
        queries = self._split(self.query(dst.h))
        scores = dot_heads(relation, queries, keys) * self.prior
        return scores / queries.shape[-1] ** 0.5, values

    def _split(self, x: Tensor) -> Tensor:
        return x.view(len(x), self.heads, -1)
