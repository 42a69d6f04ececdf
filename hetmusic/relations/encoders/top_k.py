"""Attention that looks at the best few neighbours alone."""

from __future__ import annotations

from torch import Tensor, nn

from hetmusic.errors import ConfigError
from hetmusic.relations.attention import AttentionEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.heads import dot_heads
from hetmusic.relations.registry import relation_encoders


@relation_encoders.register("top-k")
class TopKEncoder(AttentionEncoder):
    """Attention over the k best neighbours (Zhao et al. 2019, Explicit Sparse Transformer).

    h_v = Σ_u alpha_vu W_value h_u with alpha_vu = softmax over the k largest p_vu = (W_query h_v + b) · (W_key h_u) / √d,
    for each head of size d; heads are concatenated. All others get weight zero. Neighbours as good as the k-th are all
    kept, so that the result does not depend on the order of edges.

    :param dim: size of the representations; a multiple of ``heads``.
    :param k: number of neighbours that count.
    :param heads: number of attention heads.
    """

    def __init__(self, dim: int, k: int = 10, heads: int = 1) -> None:
        super().__init__(dim, heads)
        if k < 1:
            raise ConfigError(f"relation encoder 'top-k' needs a k of at least one, not {k}")
        self.k = k
        # with its bias, a user who starts from zero can tell neighbours apart
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)

    def score_edges(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> tuple[Tensor, Tensor]:  # noqa: D102
        query, key, value = (
            project(h).view(len(h), self.heads, -1)
            for project, h in ((self.query, dst.h), (self.key, src.h), (self.value, src.h))
        )
        scores = dot_heads(relation, query, key) / query.shape[-1] ** 0.5
        poor = scores < self._threshold(relation, scores.detach())[relation.dst_index]
        return scores.masked_fill(poor, float("-inf")), value

    def _threshold(self, relation: RelationBlock, scores: Tensor) -> Tensor:
        """Every destination's k-th best score, or its worst if it has fewer; shape ``(num_dst, heads)``."""
        if relation.num_edges == 0:
            return scores.new_zeros(relation.num_dst, self.heads)
        best_first = scores.argsort(dim=0, descending=True)
        by_dst = relation.dst_index[best_first].argsort(dim=0, stable=True)
        ordered = scores.gather(0, best_first.gather(0, by_dst))
        last = relation.csr.indptr[:-1] + relation.in_degree.clamp(max=self.k) - 1
        return ordered[last.long().clamp(0, relation.num_edges - 1)]
