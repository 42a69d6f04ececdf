"""Graph convolution with feature transformation and the affinity of both ends."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder
from hetmusic.relations.encoders import LightGCNEncoder
from hetmusic.rivals.base import Problem, recommenders
from hetmusic.rivals.bipartite import Bipartite, BipartiteConv
from hetmusic.rivals.pairwise import Embeddings, PairwiseModel, PairwiseRecommender, PairwiseSettings


class NGCFSettings(PairwiseSettings):
    """Settings of :class:`NGCF`."""

    l2: float = Field(0.01, ge=0)
    """Half of it multiplies the squared length of the layer-0 embeddings of a pair and its negative."""

    layers: int = Field(3, ge=1, le=8)
    """Number of propagation layers."""

    dropout: float = Field(0.1, ge=0, lt=1)
    """Share of the entries of every layer's output that training sets to zero (message dropout)."""


class NGCFEncoder(RelationEncoder):
    """sum_i (W1 e_i + W2 (e_i * e_u)) / sqrt(d_u d_i) for a destination u (Wang et al. 2019, eq. 3).

    The sum is pulled inside: with p_u = sum_i e_i / sqrt(d_u d_i) it is W1 p_u + W2 (p_u * e_u).

    :param dim: size of the representations.
    """

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.neighbours = LightGCNEncoder(dim)
        self.plain = nn.Linear(dim, dim, bias=False)
        self.affinity = nn.Linear(dim, dim, bias=False)
        nn.init.xavier_uniform_(self.plain.weight)
        nn.init.xavier_uniform_(self.affinity.weight)

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        sums = self.neighbours(relation, src, dst)
        out: Tensor = self.plain(sums) + self.affinity(sums * dst.h)
        return out


class NGCFModel(PairwiseModel):
    """e^(l+1)_u = LeakyReLU(W1 e_u + message to u), concatenated over layers."""

    def __init__(self, problem: Problem, graph: Bipartite, dim: int, layers: int, dropout: float) -> None:
        super().__init__(problem, dim)
        encoders = [NGCFEncoder(dim) for _ in range(layers)]
        self.encoders = nn.ModuleList(encoders)
        self.convs = nn.ModuleList(BipartiteConv(graph, encoder) for encoder in encoders)
        self.dropout = dropout

    def embeddings(self) -> Embeddings:  # noqa: D102
        ends: tuple[Tensor, Tensor] = (self.user_table, self.item_table)
        outputs = [ends]
        for encoder, conv in zip(self.encoders, self.convs, strict=True):
            arrived = conv(*ends)
            assert isinstance(encoder, NGCFEncoder)
            sums = (encoder.plain(own) + message for own, message in zip(ends, arrived, strict=True))
            users, items = (self._drop(functional.leaky_relu(total, 0.2)) for total in sums)
            ends = users, items
            # unit length per layer is not in the paper but in its authors' code: layers count alike
            outputs.append((functional.normalize(users), functional.normalize(items)))
        users, items = (torch.cat(parts, dim=1) for parts in zip(*outputs, strict=True))
        return Embeddings(users, items)

    def _drop(self, h: Tensor) -> Tensor:
        return functional.dropout(h, self.dropout, self.training)


@recommenders.register("ngcf")
class NGCF(PairwiseRecommender):
    """Neural graph collaborative filtering (Wang et al. 2019, eqs. 3-9)."""

    Settings = NGCFSettings

    def build(self, problem: Problem, device: torch.device) -> NGCFModel:  # noqa: D102
        settings: NGCFSettings = self.settings
        graph = Bipartite.of(problem, device)
        return NGCFModel(problem, graph, settings.dim, settings.layers, settings.dropout)
