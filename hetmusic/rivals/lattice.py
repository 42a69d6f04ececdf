"""LightGCN whose items also hear from the items that their content resembles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from hetmusic.graph.types import EdgeType
from hetmusic.relations import RelationBlock
from hetmusic.rivals.base import Problem, recommenders
from hetmusic.rivals.bipartite import Bipartite
from hetmusic.rivals.content import ItemContent, Scaling, read_content
from hetmusic.rivals.lightgcn import LightGCNStack
from hetmusic.rivals.pairwise import Embeddings, PairwiseModel, PairwiseRecommender, PairwiseSettings

RESEMBLES = EdgeType("item", "resembles", "item")
#: items compared with all others at a time
_ROWS = 1024


class LATTICESettings(PairwiseSettings):
    """Settings of :class:`LATTICE`."""

    modalities: list[str] | Literal["all"] = "all"
    """Modalities of the recommended node type that are read; ``all``: those that the graph has."""

    scaling: Scaling = "standard"
    """``standard``: each feature to mean 0 and sd 1 over present items; ``l2``: each vector to length 1; ``none``."""

    layers: int = Field(2, ge=0, le=8)
    """Number of LightGCN layers over the interactions; 0 leaves matrix factorisation."""

    item_layers: int = Field(1, ge=1, le=8)
    """Number of layers over the graph of items."""

    neighbours: int = Field(10, ge=1)
    """Most similar items that an item is connected with, in every modality."""

    frozen_share: float = Field(0.9, ge=0, le=1)
    """Share of the graph of the features as they are; the rest is that of the learned features."""

    feature_dim: int = Field(64, ge=1, le=8192)
    """Size of the learned features."""


def resembling(values: Tensor, items: Tensor, num_items: int, k: int) -> RelationBlock:
    """Connect every item that has a modality with the k most similar ones, itself included.

    :param values: vectors, shape ``(num_present, dim)``.
    :param items: which item each row belongs to, ascending, shape ``(num_present,)``.
    :return: a block over all items; an edge goes from the similar item to the one that hears from it.
    """
    unit = functional.normalize(values)
    k = min(k, len(unit))
    found = [
        (unit[start : start + _ROWS] @ unit.T).topk(k, dim=1).indices for start in range(0, len(unit), _ROWS)
    ]
    similar = torch.cat(found) if found else torch.empty(0, k, dtype=torch.long, device=items.device)
    src, dst = items[similar.reshape(-1)], items.repeat_interleave(k)
    return RelationBlock.from_coo(RESEMBLES, src, dst, num_items, num_items)


def edge_weights(block: RelationBlock, vectors: Tensor) -> Tensor:
    """Cosines of the ends of every edge, negative ones zero, normalised as D^-1/2 S D^-1/2 with D the sums of rows.

    :param vectors: shape ``(num_items, dim)``.
    :return: shape ``(num_edges,)``, inside the autograd graph of ``vectors``.
    """
    unit = functional.normalize(vectors)
    src, dst = (functional.embedding(ends, unit) for ends in (block.src_index, block.dst_index))
    cosines = (src * dst).sum(dim=1).clamp(min=0)
    degree = cosines.new_zeros(block.num_dst).index_add(0, block.dst_index, cosines)
    scale = torch.where(degree > 0, degree, degree.new_ones(())).rsqrt()
    return cosines * scale[block.dst_index] * scale[block.src_index]


class ResemblanceGraph(nn.Module):
    """The item graph of one modality: a share of the features as they are, the rest of learned ones.

    The learned graph's edges are found anew at the start of every epoch; their weights follow the parameters in every step.

    :param content: the modality.
    :param num_items: size of the catalogue.
    :param settings: of the model.
    """

    items: Tensor
    values: Tensor
    frozen_weights: Tensor

    def __init__(self, content: ItemContent, num_items: int, settings: LATTICESettings) -> None:
        super().__init__()
        self.num_items, self.settings = num_items, settings
        self.register_buffer("items", content.items, persistent=False)
        self.register_buffer("values", content.values, persistent=False)
        self.project = nn.Linear(content.dim, settings.feature_dim)
        nn.init.xavier_uniform_(self.project.weight)
        self.frozen = resembling(self.values, self.items, num_items, settings.neighbours)
        self.register_buffer(
            "frozen_weights", edge_weights(self.frozen, self._spread(self.values)), persistent=False
        )
        self.learned = self.frozen

    def renew(self) -> None:
        """Move the tables to where the parameters are and find the learned neighbours of every item."""
        device = self.items.device
        self.frozen = self.frozen.to(device)
        with torch.no_grad():
            features = self.project(self.values)
        self.learned = resembling(features, self.items, self.num_items, self.settings.neighbours).to(device)

    def forward(self, h: Tensor) -> Tensor:
        """What arrives at every item: shape ``(num_items, dim)`` in and out."""
        share = self.settings.frozen_share
        out = share * self.frozen.sum(h, self.frozen_weights)
        if share == 1:
            return out
        weights = edge_weights(self.learned, self._spread(self.project(self.values)))
        return out + (1 - share) * self.learned.sum(h, weights)

    def _spread(self, rows: Tensor) -> Tensor:
        """Rows of present items as rows of all items, the others zero."""
        return rows.new_zeros(self.num_items, rows.shape[1]).index_add(0, self.items, rows)


class LATTICEModel(PairwiseModel):
    """e_i = LightGCN's e_i + h_i / |h_i|, with h^(l+1) = sum_m softmax(a)_m A_m h^(l) from the items' ids."""

    def __init__(
        self, problem: Problem, graph: Bipartite, contents: Sequence[ItemContent], settings: LATTICESettings
    ) -> None:
        super().__init__(problem, settings.dim)
        self.stack = LightGCNStack(graph, settings.dim, settings.layers)
        self.graphs = nn.ModuleList(ResemblanceGraph(c, self.num_items, settings) for c in contents)
        self.importance = nn.Parameter(torch.zeros(len(contents)))
        self.item_layers = settings.item_layers

    def start_epoch(self) -> None:  # noqa: D102
        for graph in self.graphs:
            assert isinstance(graph, ResemblanceGraph)
            graph.renew()

    def embeddings(self) -> Embeddings:  # noqa: D102
        shares = torch.softmax(self.importance, dim=0).unbind()
        h: Tensor = self.item_table
        for _ in range(self.item_layers):
            parts = [share * graph(h) for share, graph in zip(shares, self.graphs, strict=True)]
            h = torch.stack(parts).sum(dim=0)
        users, items = self.stack(self.user_table, self.item_table)
        return Embeddings(users, items + functional.normalize(h))


@recommenders.register("lattice")
class LATTICE(PairwiseRecommender):
    """Mining latent structures for multimedia recommendation (Zhang et al. 2021, section 3).

    A_m = frozen_share · S_m + (1 - frozen_share) · L_m, with S_m the normalised k-nearest-neighbour graph of the features
    and L_m that of W_m f + b_m. Items that lack a modality have no edges in its graph.
    """

    Settings = LATTICESettings

    def build(self, problem: Problem, device: torch.device) -> LATTICEModel:  # noqa: D102
        settings: LATTICESettings = self.settings
        contents = read_content("lattice", problem, settings.modalities, settings.scaling)
        return LATTICEModel(problem, Bipartite.of(problem, device), contents, settings)
