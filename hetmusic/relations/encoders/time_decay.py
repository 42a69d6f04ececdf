"""Mean in which old edges count less."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hetmusic.errors import ConfigError
from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.registry import relation_encoders
from hetmusic.relations.weights import WeightScale, check_scale, edge_weights


@relation_encoders.register("time-decay")
class TimeDecayEncoder(RelationEncoder):
    """Mean in which old edges count less, w_vu = 2^(-age_vu / H) times the edge's weight if that is in use.

    h_v = Σ_u w_vu h_u / Σ_u w_vu, exponential forgetting with half-life H as in Ding and Li 2005 (Time Weight Collaborative
    Filtering). age_vu is the number of days from the edge to v's latest edge in the batch; since weights are divided by
    their sum, any other reference would give the same. An edge of unknown time counts as v's average edge of known time.

    :param dim: size of the representations.
    :param half_life: H in days, or what it starts from.
    :param learned: whether H is learned (it stays positive).
    :param weight: scale on which edge weights multiply.
    """

    sums_sources = True

    def __init__(
        self, dim: int, half_life: float = 365.0, learned: bool = True, weight: WeightScale = "none"
    ) -> None:
        super().__init__(dim)
        check_scale(weight)
        if half_life <= 0:
            raise ConfigError(f"relation encoder 'time-decay' needs a positive half_life, not {half_life}")
        self.log_half_life = nn.Parameter(torch.tensor(math.log(half_life)), requires_grad=learned)
        self.weight = weight

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        if "time" not in relation.edge:
            raise ConfigError(
                f"relation encoder 'time-decay' of {relation.place} needs edges with times, which this relation "
                "does not have; use another encoder for it, or build the graph with a time column"
            )
        weights = self._recency(relation)
        if (scaled := edge_weights(relation, self.weight)) is not None:
            weights = weights * scaled
        total = relation.sum_edges(weights)
        scale = total.where(total > 0, total.new_ones(())).reciprocal().to(src.like.dtype)
        return src.sum(relation, weights) * scale[:, None]

    def _recency(self, relation: RelationBlock) -> Tensor:
        """2^(-age / H) of every edge, shape ``(num_edges,)``."""
        time, to = relation.edge["time"], relation.dst_index
        known = relation.edge.get("time_known", torch.ones_like(time, dtype=torch.bool))
        never = float("-inf")
        latest = time.new_full((relation.num_dst,), never)
        latest = latest.scatter_reduce(0, to, time.masked_fill(~known, never), reduce="amax")
        age = (latest[to] - time).masked_fill(~known, 0)
        recency = torch.exp2(-age / self.log_half_life.exp()) * known
        count = relation.sum_edges(known.to(recency.dtype))
        average = (relation.sum_edges(recency) / count.clamp(min=1)).where(count > 0, count.new_ones(()))
        return recency.where(known, average[to])
