"""A combiner of somebody else's, whose result for a node depends on who else is in the batch."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from hetmusic.models.combine import SumCombiner


class Centred(SumCombiner):
    """The sum over relations, minus a share of its mean over the batch."""

    def forward(self, messages: Sequence[Tensor], has_edges: Sequence[Tensor]) -> Tensor:
        total = super().forward(messages, has_edges)
        return total - 0.5 * total.mean(dim=0)
