"""Graph convolution stripped to the degree-normalised sum."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from hetmusic.relations.encoders import LightGCNEncoder
from hetmusic.rivals.base import Problem, recommenders
from hetmusic.rivals.bipartite import Bipartite, BipartiteConv
from hetmusic.rivals.pairwise import Embeddings, PairwiseModel, PairwiseRecommender, PairwiseSettings


class LightGCNSettings(PairwiseSettings):
    """Settings of :class:`LightGCN`."""

    layers: int = Field(3, ge=1, le=8)
    """Number of propagation layers."""


class LightGCNStack(nn.Module):
    """Propagates and takes the mean of all layers, layer 0 included.

    :param graph: the interactions.
    :param dim: size of the embeddings.
    :param layers: number of layers.
    """

    def __init__(self, graph: Bipartite, dim: int, layers: int) -> None:
        super().__init__()
        self.conv = BipartiteConv(graph, LightGCNEncoder(dim))
        self.layers = layers

    def forward(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102
        user_sum, item_sum = users, items
        for _ in range(self.layers):
            users, items = self.conv(users, items)
            user_sum, item_sum = user_sum + users, item_sum + items
        return user_sum / (self.layers + 1), item_sum / (self.layers + 1)


class LightGCNModel(PairwiseModel):
    """e^(l+1)_u = sum_i e^(l)_i / sqrt(d_u d_i), likewise for items; e = mean of e^(0) ... e^(L); s(u, i) = e_u · e_i."""

    def __init__(self, problem: Problem, graph: Bipartite, dim: int, layers: int) -> None:
        super().__init__(problem, dim)
        self.stack = LightGCNStack(graph, dim, layers)

    def embeddings(self) -> Embeddings:  # noqa: D102
        return Embeddings(*self.stack(self.user_table, self.item_table))


@recommenders.register("lightgcn")
class LightGCN(PairwiseRecommender):
    """LightGCN (He et al. 2020, eqs. 3-5, with the same weight for every layer)."""

    Settings = LightGCNSettings

    def build(self, problem: Problem, device: torch.device) -> LightGCNModel:  # noqa: D102
        settings: LightGCNSettings = self.settings
        return LightGCNModel(problem, Bipartite.of(problem, device), settings.dim, settings.layers)
