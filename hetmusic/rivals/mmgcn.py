"""A graph convolution of its own for every modality, tied together by the nodes' ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from hetmusic.relations.encoders import MeanEncoder
from hetmusic.rivals.base import Problem, recommenders
from hetmusic.rivals.bipartite import Bipartite, BipartiteConv
from hetmusic.rivals.content import ItemContent, Scaling, read_content
from hetmusic.rivals.pairwise import Embeddings, PairwiseModel, PairwiseRecommender, PairwiseSettings


class MMGCNSettings(PairwiseSettings):
    """Settings of :class:`MMGCN`."""

    lr: float = Field(0.001, gt=0)
    """Learning rate of Adam."""

    l2: float = Field(0.01, ge=0)
    """Half of it multiplies the squared length of ids and preferences of a pair and its negative."""

    modalities: list[str] | Literal["all"] = "all"
    """Modalities of the recommended node type that are read; ``all``: those that the graph has."""

    scaling: Scaling = "standard"
    """``standard``: each feature to mean 0 and sd 1 over present items; ``l2``: each vector to length 1; ``none``."""

    layers: int = Field(2, ge=1, le=8)
    """Number of layers of every modality."""

    combination: Literal["concat", "add"] = "concat"
    """How a layer puts together what arrives and what a node is: side by side, or as a sum."""


class ModalityGraph(nn.Module):
    """The layers of one modality.

    For a user u, likewise for an item, in every layer:
    h = LeakyReLU(W1 mean of the neighbours), u' = LeakyReLU(W2 u) + id_u, and the next u is LeakyReLU(W3 [h, u']) with
    ``concat``, LeakyReLU(W3 h + u') with ``add``.

    :param graph: the interactions.
    :param content: the modality; items that lack it start from zero.
    :param dim: size of the embeddings.
    """

    items: Tensor
    values: Tensor

    def __init__(
        self, graph: Bipartite, content: ItemContent, dim: int, layers: int, combination: str
    ) -> None:
        super().__init__()
        self.graph, self.combination = graph, combination
        self.preferences = nn.Parameter(torch.randn(graph.num_users, dim) * 0.1)
        self.project = nn.Linear(content.dim, dim, bias=False)
        self.register_buffer("items", content.items, persistent=False)
        self.register_buffer("values", content.values, persistent=False)
        self.mean = BipartiteConv(graph, MeanEncoder(dim))
        wide = 2 * dim if combination == "concat" else dim
        self.arriving = nn.ModuleList(nn.Linear(dim, dim, bias=False) for _ in range(layers))
        self.own = nn.ModuleList(nn.Linear(dim, dim, bias=False) for _ in range(layers))
        self.join = nn.ModuleList(nn.Linear(wide, dim, bias=False) for _ in range(layers))

    def forward(self, user_ids: Tensor, item_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings of users and items after the last layer.

        :param user_ids: learned vectors, shape ``(num_users, dim)``; likewise ``item_ids``.
        """
        start = item_ids.new_zeros(item_ids.shape).index_add(0, self.items, self.project(self.values))
        users: Tensor = self.preferences
        items = start
        for number in range(len(self.own)):
            from_items, from_users = self.mean(users, items)
            users = self._layer(number, from_items, users, user_ids)
            items = self._layer(number, from_users, items, item_ids)
        return users, items

    def _layer(self, number: int, arriving: Tensor, own: Tensor, ids: Tensor) -> Tensor:
        arrived = functional.leaky_relu(self.arriving[number](arriving))
        bridged = functional.leaky_relu(self.own[number](own)) + ids
        if self.combination == "concat":
            return functional.leaky_relu(self.join[number](torch.cat([arrived, bridged], dim=1)))
        return functional.leaky_relu(self.join[number](arrived) + bridged)


class MMGCNModel(PairwiseModel):
    """Sum over modalities of what their layers make of users and items."""

    def __init__(
        self,
        problem: Problem,
        graph: Bipartite,
        contents: Sequence[ItemContent],
        dim: int,
        layers: int,
        combination: str,
    ) -> None:
        super().__init__(problem, dim)
        graphs = [ModalityGraph(graph, c, dim, layers, combination) for c in contents]
        self.graphs = nn.ModuleList(graphs)
        self.preferences = [graph.preferences for graph in graphs]

    def embeddings(self) -> Embeddings:  # noqa: D102
        outputs = [graph(self.user_table, self.item_table) for graph in self.graphs]
        users, items = (torch.stack(parts).sum(dim=0) for parts in zip(*outputs, strict=True))
        return Embeddings(users, items)

    def layer0(self) -> tuple[Tensor, Tensor]:  # noqa: D102
        return torch.cat([self.user_table, *self.preferences], dim=1), self.item_table


@recommenders.register("mmgcn")
class MMGCN(PairwiseRecommender):
    """Multi-modal graph convolution network (Wei et al. 2019, sections 3.2 to 3.4).

    Features of every modality are projected to ``dim`` first, which the paper leaves open.
    """

    Settings = MMGCNSettings

    def build(self, problem: Problem, device: torch.device) -> MMGCNModel:  # noqa: D102
        settings: MMGCNSettings = self.settings
        contents = read_content("mmgcn", problem, settings.modalities, settings.scaling)
        graph = Bipartite.of(problem, device)
        return MMGCNModel(problem, graph, contents, settings.dim, settings.layers, settings.combination)
