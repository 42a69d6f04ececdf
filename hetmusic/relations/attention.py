"""The base class of encoders that weigh neighbours by a softmax of scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from hetmusic.errors import ConfigError
from hetmusic.graph.types import EdgeType
from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.heads import sum_heads


@dataclass(frozen=True)
class Attended:
    """What attention over one relation says, and what it takes to merge it with that over others."""

    #: weighted means of the values, heads side by side, shape ``(num_dst, dim)``
    mean: Tensor
    #: log Σ exp(score) over each destination's edges, shape ``(num_dst, heads)``; without edges it means nothing
    log_mass: Tensor


class AttentionEncoder(RelationEncoder):
    """Weighted mean of values, the weights a softmax of scores over each destination's edges.

    A subclass implements :meth:`score_edges`. What is gained over calling :meth:`RelationBlock.softmax` in a ``forward`` of
    one's own: ``model.combine = "joint-softmax"`` can take one softmax over the edges of all relations.

    :param dim: size of the representations; a multiple of ``heads``.
    :param heads: number of attention heads.
    """

    def __init__(self, dim: int, heads: int = 1) -> None:
        super().__init__(dim)
        if heads < 1 or dim % heads:
            raise ConfigError(
                f"relation encoder {type(self).__name__} cannot split dim {dim} into {heads} heads"
            )
        self.heads = heads

    def score_edges(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> tuple[Tensor, Tensor]:
        """Scores and values.

        :return: the score of every edge, ``(num_edges, heads)``, and the value of every source,
            ``(num_src, heads, dim / heads)``.
        """
        raise TypeError(f"{type(self).__name__} must implement score_edges()")

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        return self.attended(relation, src, dst).mean

    def attended(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Attended:
        """The result of :meth:`forward`, and the logarithm of what its softmax divided by."""
        scores, values = self.score_edges(relation, src, dst)
        wanted = (relation.num_edges, self.heads), (relation.num_src, self.heads, self.dim // self.heads)
        if (scores.shape, values.shape) != wanted:
            raise ConfigError(
                f"relation encoder {type(self).__name__} of {relation.place}: score_edges() returned scores of shape "
                f"{tuple(scores.shape)} and values of shape {tuple(values.shape)}, expected {wanted[0]} and {wanted[1]}: a "
                "score an edge and a value a source node, for each head"
            )
        alpha, log_mass = relation.softmax_and_mass(scores)
        return Attended(sum_heads(relation, values, alpha), log_mass)


def check_attention(encoders: Mapping[EdgeType, RelationEncoder], node_type: str) -> bool:
    """See that the relations that meet at a node type can share one softmax.

    :return: whether there is anything to share: False for one relation alone.
    :raises ConfigError: for an encoder without scores, or other numbers of heads.
    """
    meeting = {t: encoder for t, encoder in encoders.items() if t.dst == node_type}
    if len(meeting) < 2:
        return False
    heads: dict[int, EdgeType] = {}
    for edge_type, encoder in meeting.items():
        if not isinstance(encoder, AttentionEncoder):
            raise ConfigError(
                f"one softmax over all relations into {node_type} needs encoders that attend, and that of {edge_type}, "
                f"{type(encoder).__name__}, does not: give it gat, gatv2, hgt or top-k, or an AttentionEncoder of your own, "
                "or combine relations otherwise"
            )
        heads.setdefault(encoder.heads, edge_type)
    if len(heads) > 1:
        said = ", ".join(f"{edge_type} has {count}" for count, edge_type in heads.items())
        raise ConfigError(
            f"one softmax over all relations into {node_type} needs as many heads for each: {said}"
        )
    return True
