"""How the messages that several relations send to one node type become one vector (AGGREGATE over relations, eq. 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from hetmusic._made_with import MadeWith
from hetmusic._resolve import Resolver


class Combiner(MadeWith, nn.Module):
    """Combines the relations that end at one node type.

    :param dim: size of the representations.
    """

    #: whether :meth:`forward` is given ``log_masses`` as well; then relations that meet need an
    #: :class:`~hetmusic.relations.AttentionEncoder` each, all with as many heads
    needs_masses: ClassVar[bool] = False
    #: whether what a node gets depends on its own messages alone, so that nodes may be combined a piece at a time
    by_node: ClassVar[bool] = True
    #: whether messages are summed, so that one which is zero where there are no edges needs no mask: it may come with a
    #: single true, shape ``()``
    sums: ClassVar[bool] = False

    given = ("dim",)

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, messages: Sequence[Tensor], has_edges: Sequence[Tensor]) -> Tensor:
        """Combine.

        :param messages: of every relation, at least one, each of shape ``(num_dst, dim)``.
        :param has_edges: of every relation, bool ``(num_dst,)``: whether the node has any edge of it here.
        :return: shape ``(num_dst, dim)``; what a relation says to a node without edges of it must not count.
        """
        raise TypeError(f"{type(self).__name__} must implement forward()")


combiners: Resolver[Combiner] = Resolver("combiner", Combiner, "hetmusic.combiners", ["dim"], ["forward"])


@combiners.register("sum")
class SumCombiner(Combiner):
    """Sum over relations."""

    sums = True

    def forward(self, messages: Sequence[Tensor], has_edges: Sequence[Tensor]) -> Tensor:  # noqa: D102
        return _masked_sum(messages, has_edges)


@combiners.register("mean")
class MeanCombiner(Combiner):
    """Mean over the relations of which the node has edges."""

    def forward(self, messages: Sequence[Tensor], has_edges: Sequence[Tensor]) -> Tensor:  # noqa: D102
        count = torch.stack(list(has_edges)).sum(dim=0).clamp(min=1)
        return _masked_sum(messages, has_edges) / count[:, None]


@combiners.register("max")
class MaxCombiner(Combiner):
    """Largest value of each dimension over the relations of which the node has edges."""

    def forward(self, messages: Sequence[Tensor], has_edges: Sequence[Tensor]) -> Tensor:  # noqa: D102
        stacked, masks = torch.stack(list(messages)), torch.stack(list(has_edges))[:, :, None]
        highest = stacked.masked_fill(~masks, float("-inf")).amax(dim=0)
        return torch.where(masks.any(dim=0), highest, torch.zeros_like(highest))


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

    def forward(self, messages: Sequence[Tensor], has_edges: Sequence[Tensor]) -> Tensor:  # noqa: D102
        stacked, masks = torch.stack(list(messages)), torch.stack(list(has_edges))
        weights = _masked_softmax(self.score(stacked).squeeze(-1), masks)
        return (weights[:, :, None] * stacked).sum(dim=0)


@combiners.register("semantic")
class SemanticCombiner(AttentionCombiner):
    """Semantic attention (Wang et al. 2019, HAN, eqs. 7-9): one weight a relation, the same for all nodes of a batch.

    w_r = mean over the nodes with edges of r of q · tanh(W m_r + b); the weights softmax_r w_r are renormalised, node by
    node, over the relations of which it has edges. With sampled batches the means are those of the batch.

    :param dim: size of the representations.
    :param hidden: size of the scoring layer.
    """

    by_node = False

    def forward(self, messages: Sequence[Tensor], has_edges: Sequence[Tensor]) -> Tensor:  # noqa: D102
        stacked, masks = torch.stack(list(messages)), torch.stack(list(has_edges))
        counted = masks.to(stacked.dtype)
        scores = (self.score(stacked).squeeze(-1) * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1)
        weights = _masked_softmax(scores[:, None].expand(masks.shape), masks)
        return (weights[:, :, None] * stacked).sum(dim=0)


@combiners.register("joint-softmax")
class JointSoftmaxCombiner(Combiner):
    """One softmax over the edges of all relations (Hu et al. 2020, Heterogeneous Graph Transformer, eq. 3).

    Exact, without scores of other relations: with Z_r = Σ exp(score) over a node's edges of relation r, the softmax over
    the union is the mean of the relations' own softmaxes with weights Z_r / Σ Z, for every head. Needs encoders that
    attend (``gat``, ``gatv2``, ``hgt``, ``top-k``), with as many heads for all relations that meet.

    :param dim: size of the representations.
    """

    needs_masses = True

    def forward(  # noqa: D102
        self,
        messages: Sequence[Tensor],
        has_edges: Sequence[Tensor],
        log_masses: Sequence[Tensor] | None = None,
    ) -> Tensor:
        if log_masses is None:  # one relation alone, whatever its encoder
            return _masked_sum(messages, has_edges)
        masks = torch.stack(list(has_edges))[:, :, None]
        weights = _masked_softmax(torch.stack(list(log_masses)), masks)
        heads = weights.shape[2]
        values = torch.stack([message.unflatten(1, (heads, -1)) for message in messages])
        return (weights[..., None].to(values.dtype) * values).sum(dim=0).flatten(1)


def _masked_softmax(scores: Tensor, masks: Tensor) -> Tensor:
    """Softmax over the relations of which a node has edges; shapes ``(num_relations, num_dst, ...)``."""
    scores = scores.masked_fill(~masks, float("-inf"))
    # a node without any edge would be a softmax of -inf only: it gets weights of zero instead
    return torch.softmax(scores.masked_fill(~masks.any(dim=0), 0.0), dim=0) * masks


def _masked_sum(messages: Sequence[Tensor], has_edges: Sequence[Tensor]) -> Tensor:
    """Sum over relations; one pass over each, since stacking them takes longer than all the rest of a layer."""
    total = messages[0] if _everywhere(has_edges[0]) else messages[0] * _column(has_edges[0], messages[0])
    for message, mask in zip(messages[1:], has_edges[1:], strict=True):
        whole = _everywhere(mask)
        total = total + message if whole else torch.addcmul(total, message, _column(mask, message))
    return total


def _everywhere(mask: Tensor) -> bool:
    """Whether nothing is left out, as in many sampled neighbourhoods; not asked of a GPU, which would be waited for."""
    return not mask.dim() or (mask.device.type == "cpu" and bool(mask.all()))


def _column(mask: Tensor, like: Tensor) -> Tensor:
    return mask.to(like.dtype)[:, None]
