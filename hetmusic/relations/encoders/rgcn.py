"""A matrix a relation, made of few that all relations of a layer share."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hetmusic.errors import ConfigError
from hetmusic.graph.types import EdgeType
from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.registry import relation_encoders


@relation_encoders.register("rgcn")
class RGCNEncoder(RelationEncoder):
    """Mean times a matrix, W_r · mean(h_u), of bases: W_r = Σ_b a_rb V_b (Schlichtkrull et al. 2018, R-GCN, eqs. 2, 3).

    The bases V_b are one set for all relations of a layer that have this encoder with as many bases; the coefficients
    a_rb are the relation's own. The term W_0 h_v of eq. 2 is not part of a message.

    :param dim: size of the representations.
    :param num_bases: number of matrices that W_r is made of.
    """

    sums_sources = True

    def __init__(self, dim: int, num_bases: int = 4) -> None:
        super().__init__(dim)
        if num_bases < 1:
            raise ConfigError(f"relation encoder 'rgcn' needs at least one basis, not {num_bases}")
        self.bases = nn.ParameterList(
            nn.init.xavier_uniform_(torch.empty(dim, dim)) for _ in range(num_bases)
        )
        # so scaled, W_r starts with entries as large as those of one basis
        self.coefficients = nn.Parameter(torch.randn(num_bases) / num_bases**0.5)

    def share(self, edge_type: EdgeType, earlier: Mapping[EdgeType, RelationEncoder]) -> None:  # noqa: D102
        for peer in earlier.values():
            assert isinstance(peer, RGCNEncoder)
            if (peer.dim, len(peer.bases)) == (self.dim, len(self.bases)):
                self.borrow("bases", peer)
                return

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        matrix = torch.einsum("b,bij->ij", self.coefficients, torch.stack(list(self.bases)))
        degree = relation.in_degree.clamp(min=1).to(src.like.dtype)[:, None]
        return src.sum(relation) / degree @ matrix.T
