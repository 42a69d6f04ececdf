"""Matrix factorisation learnt from pairs."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import nn

from hetmusic.rivals.base import Problem, recommenders
from hetmusic.rivals.pairwise import Embeddings, PairwiseModel, PairwiseRecommender, PairwiseSettings


class BPRSettings(PairwiseSettings):
    """Settings of :class:`BPR`. Without a graph to smooth them, embeddings need more regularisation and smaller steps."""

    lr: float = Field(0.002, gt=0)
    """Learning rate of Adam."""

    l2: float = Field(0.01, ge=0)
    """Half of it multiplies the squared length of the embeddings of a pair and its negative."""

    item_bias: bool = True
    """Whether every item has a learned bias."""


class BPRModel(PairwiseModel):
    """s(u, i) = p_u · q_i + b_i."""

    def __init__(self, problem: Problem, dim: int, item_bias: bool) -> None:
        super().__init__(problem, dim)
        self.item_bias = nn.Parameter(torch.zeros(self.num_items)) if item_bias else None

    def embeddings(self) -> Embeddings:  # noqa: D102
        return Embeddings(self.user_table, self.item_table, self.item_bias)


@recommenders.register("bpr")
class BPR(PairwiseRecommender):
    """Bayesian personalised ranking of a matrix factorisation (Rendle et al. 2009, section 4.3.1)."""

    Settings = BPRSettings

    def build(self, problem: Problem, device: torch.device) -> BPRModel:  # noqa: D102
        return BPRModel(problem, self.settings.dim, self.settings.item_bias)
