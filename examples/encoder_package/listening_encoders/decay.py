"""Old listens count less."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hetmusic.errors import ConfigError
from hetmusic.relations import RelationBlock, RelationEncoder
from hetmusic.relations.edge_ends import EdgeEnds


class Decay(RelationEncoder):
    """Sum of the neighbours, each counting 2^(-age / half-life), over the root of their number.

    Unlike a weighted mean it lets somebody who has not listened for long fade as a whole. The half-life is learned.

    :param half_life: days after which a listen counts half, at the start.
    """

    def __init__(self, dim: int, half_life: float = 90.0) -> None:
        super().__init__(dim)
        if half_life <= 0:
            raise ConfigError(f"half_life must be positive, not {half_life}")
        # learned as a logarithm, so that it stays positive
        self.log_half_life = nn.Parameter(torch.tensor(math.log(half_life)))

    def message(self, src: EdgeEnds, dst: EdgeEnds, edge: Mapping[str, Tensor]) -> Tensor:
        """A row an edge."""
        left = torch.exp2(-edge["age"] / self.log_half_life.exp())
        return src.h * left.to(src.h.dtype)[:, None]

    def reduce(self, relation: RelationBlock, messages: Tensor) -> Tensor:
        """Instead of the mean."""
        return (
            relation.sum_edges(messages) / relation.in_degree.clamp(min=1).sqrt().to(messages.dtype)[:, None]
        )
