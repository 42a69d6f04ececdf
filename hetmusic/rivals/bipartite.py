"""The training interactions as a graph of users and items, and one layer of message passing over it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hetmusic.graph.types import EdgeType
from hetmusic.models import HeteroConv
from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder
from hetmusic.rivals.base import Problem

LIKES = EdgeType("user", "likes", "item")
LIKED_BY = EdgeType("item", "liked_by", "user")


@dataclass(frozen=True)
class Bipartite:
    """Training interactions in both directions."""

    blocks: dict[EdgeType, RelationBlock]
    num_users: int
    num_items: int

    @classmethod
    def of(cls, problem: Problem, device: torch.device) -> Bipartite:
        """The training interactions of a problem."""
        pairs = problem.train.tocoo()
        users, items = (torch.from_numpy(ends).long() for ends in (pairs.row, pairs.col))
        num_users, num_items = pairs.shape
        blocks = {
            LIKES: RelationBlock.from_coo(LIKES, users, items, num_users, num_items),
            LIKED_BY: RelationBlock.from_coo(LIKED_BY, items, users, num_items, num_users),
        }
        return cls({kind: block.to(device) for kind, block in blocks.items()}, num_users, num_items)


class BipartiteConv(nn.Module):
    """A :class:`~hetmusic.models.HeteroConv` over the interactions in both directions.

    :param graph: the interactions.
    :param encoder: the relation encoder of both directions.
    """

    def __init__(self, graph: Bipartite, encoder: RelationEncoder) -> None:
        super().__init__()
        self.graph = graph
        self.conv = HeteroConv({LIKES: encoder, LIKED_BY: encoder}, encoder.dim)

    def forward(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Pass messages once.

        :param users: shape ``(num_users, dim)``.
        :param items: shape ``(num_items, dim)``.
        :return: what arrives at users and at items, of the same shapes.
        """
        src = {"user": NodeInputs(users), "item": NodeInputs(items)}
        counts = {"user": self.graph.num_users, "item": self.graph.num_items}
        out = self.conv(self.graph.blocks, src, counts)
        return out["user"], out["item"]
