"""BPR with items' content beside their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from hetmusic.rivals.base import Problem, recommenders
from hetmusic.rivals.content import ItemContent, Scaling, read_content
from hetmusic.rivals.pairwise import Embeddings, PairwiseModel, PairwiseRecommender, PairwiseSettings


class VBPRSettings(PairwiseSettings):
    """Settings of :class:`VBPR`."""

    lr: float = Field(0.002, gt=0)
    """Learning rate of Adam."""

    l2: float = Field(0.01, ge=0)
    """Half of it multiplies the squared length of gamma and theta of a pair and its negative."""

    modalities: list[str] | Literal["all"] = "all"
    """Modalities of the recommended node type that are read; ``all``: those that the graph has."""

    scaling: Scaling = "l2"
    """``standard``: each feature to mean 0 and sd 1 over present items; ``l2``: each vector to length 1; ``none``."""

    content_dim: int = Field(64, ge=1, le=8192)
    """Size of the space that content is projected into."""

    content_l2: float = Field(0.01, ge=0)
    """Half of it multiplies the squared length of all E_m and beta_m together."""


class VBPRModel(PairwiseModel):
    """s(u, i) = gamma_u · gamma_i + theta_u · sum_m E_m f_im + sum_m beta_m · f_im + b_i."""

    def __init__(self, problem: Problem, contents: Sequence[ItemContent], settings: VBPRSettings) -> None:
        super().__init__(problem, settings.dim)
        content_dim, self.content_l2 = settings.content_dim, settings.content_l2
        self.content_users = nn.Parameter(torch.randn(self.num_users, content_dim) * 0.1)
        self.item_bias = nn.Parameter(torch.zeros(self.num_items))
        self.projections = nn.ModuleList(nn.Linear(c.dim, content_dim, bias=False) for c in contents)
        self.content_bias = nn.ParameterList(nn.Parameter(torch.zeros(c.dim)) for c in contents)
        for number, content in enumerate(contents):
            self.register_buffer(f"values_{number}", content.values, persistent=False)
            self.register_buffer(f"items_{number}", content.items, persistent=False)

    def embeddings(self) -> Embeddings:  # noqa: D102
        content = self.item_table.new_zeros(self.num_items, self.content_users.shape[1])
        bias: Tensor = self.item_bias
        for number, (project, direction) in enumerate(zip(self.projections, self.content_bias, strict=True)):
            values: Tensor = getattr(self, f"values_{number}")
            items: Tensor = getattr(self, f"items_{number}")
            # an item that lacks the modality gets nothing from it
            content = content.index_add(0, items, project(values))
            bias = bias.index_add(0, items, values @ direction)
        users = torch.cat([self.user_table, self.content_users], dim=1)
        penalty = self._penalty() if self.training and self.content_l2 else None
        return Embeddings(users, torch.cat([self.item_table, content], dim=1), bias, auxiliary=penalty)

    def _penalty(self) -> Tensor:
        squares = [part.square().sum() for part in (*self.projections.parameters(), *self.content_bias)]
        return self.content_l2 / 2 * torch.stack(squares).sum()

    def layer0(self) -> tuple[Tensor, Tensor]:  # noqa: D102
        return torch.cat([self.user_table, self.content_users], dim=1), self.item_table


@recommenders.register("vbpr")
class VBPR(PairwiseRecommender):
    """Visual BPR, here for any content (He and McAuley 2016, eq. 4); several modalities add up.

    The global offset and the users' bias of the equation change no ranking and are left out.
    """

    Settings = VBPRSettings

    def build(self, problem: Problem, device: torch.device) -> VBPRModel:  # noqa: D102
        settings: VBPRSettings = self.settings
        contents = read_content("vbpr", problem, settings.modalities, settings.scaling)
        return VBPRModel(problem, contents, settings)
