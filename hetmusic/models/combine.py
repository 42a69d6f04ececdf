"""How the messages that several relations send to one node type become one vector (AGGREGATE over relations, eq. 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hetmusic._resolve import Resolver


class Combiner(nn.Module):
    """Combines the relations that end at one node type.

    :param dim: size of the representations.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, messages: Tensor, has_edges: Tensor) -> Tensor:
        """Combine.

        :param messages: shape ``(num_relations, num_dst, dim)``.
        :param has_edges: bool, shape ``(num_relations, num_dst)``: whether the node has any edge of the relation here.
        :return: shape ``(num_dst, dim)``; what a relation says to a node without edges of it must not count.
        """
        raise TypeError(f"{type(self).__name__} must implement forward()")


combiners: Resolver[Combiner] = Resolver("combiner", Combiner, "hetmusic.combiners")


@combiners.register("sum")
class SumCombiner(Combiner):
    """Sum over relations."""

    def forward(self, messages: Tensor, has_edges: Tensor) -> Tensor:  # noqa: D102
        return (messages * has_edges.to(messages.dtype)[:, :, None]).sum(dim=0)


@combiners.register("mean")
class MeanCombiner(Combiner):
    """Mean over the relations of which the node has edges."""

    def forward(self, messages: Tensor, has_edges: Tensor) -> Tensor:  # noqa: D102
        mask = has_edges.to(messages.dtype)[:, :, None]
        return (messages * mask).sum(dim=0) / mask.sum(dim=0).clamp(min=1)


@combiners.register("attention")
class AttentionCombiner(Combiner):
    """Attention over relations, a node at a time: weights softmax_r q · tanh(W m_r) over relations with edges.

    The scoring form is that of semantic attention (Wang et al. 2019, HAN, eq. 7), here without averaging over nodes, so
    that a node's result does not depend on which others share its batch.

    :param dim: size of the representations.
    :param hidden: size of the scoring layer.
    """

    def __init__(self, dim: int, hidden: int = 64) -> None:
        super().__init__(dim)
        self.score = nn.Sequential(nn.Linear(dim, hidden), nn.Tanh(), nn.Linear(hidden, 1, bias=False))

    def forward(self, messages: Tensor, has_edges: Tensor) -> Tensor:  # noqa: D102
        scores = self.score(messages).squeeze(-1).masked_fill(~has_edges, float("-inf"))
        # a node without any edge would be a softmax of -inf only: it gets weights of zero instead
        scores = scores.masked_fill(~has_edges.any(dim=0), 0.0)
        weights = torch.softmax(scores, dim=0) * has_edges
        return (weights[:, :, None] * messages).sum(dim=0)
