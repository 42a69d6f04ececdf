"""What was played once may have been skipped."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder


class SignAware(RelationEncoder):
    """Mean of what was played often minus a share of the mean of what was hardly played.

    Two signals in one relation, as in signed graph convolutions (Derr, Ma and Tang 2018): the plays of an edge say which it
    carries. How much the second one counts is learned, and may turn its sign.

    :param liked_from: plays from which an edge is a like; below it is a skip.
    :param start: how much skips count against likes at first.
    """

    def __init__(self, dim: int, liked_from: float = 2.0, start: float = 0.5) -> None:
        super().__init__(dim)
        self.liked_from = liked_from
        self.skip = nn.Parameter(torch.tensor(float(start)))

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:
        """A row a destination node."""
        liked = (relation.edge["weight"] >= self.liked_from).to(src.h.dtype)
        skip = self.skip.to(src.h.dtype)
        return self._mean(relation, src.h, liked) - skip * self._mean(relation, src.h, 1 - liked)

    @staticmethod
    def _mean(relation: RelationBlock, h: Tensor, chosen: Tensor) -> Tensor:
        """Mean over the chosen edges; zero where there are none."""
        count = relation.sum_edges(chosen).clamp(min=1)
        return relation.sum(h, chosen) / count[:, None]
